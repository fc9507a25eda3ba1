// Asks the network of the website as its page does: node network.mjs NODE_MODULES SITE_LAB QUESTIONS.JSON ANSWERS.JSON

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Network, canvasSentence, layOut, pictureSentence } from "../../tools/site/static/network.mjs";

const [packages, lab, questions, answers] = process.argv.slice(2);
const dist = pathToFileURL(`${packages}/onnxruntime-web/dist/`).href;
const ort = await import(`${dist}ort.wasm.min.mjs`);
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = dist;
const facts = JSON.parse(readFileSync(`${lab}/facts.json`));
const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(`${lab}/network.onnx`)));
const network = new Network(ort, session, facts);

const plain = (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
const picture = ({ pixels, height, width }) => ({ pixels: Uint8Array.from(pixels), height, width });
const answer = {
  async run({ pictures }) {
    const { logits, blocks } = await network.run(pictures.map(picture));
    const last = blocks[facts.blocks.at(-1).name];
    const one = { data: last.data, dims: [1, ...last.dims.slice(1)] }; // the first picture's
    const told = Object.entries(blocks).map(([name, { data, dims }]) => [name, { data, dims }]);
    return { logits, blocks: Object.fromEntries(told), map: network.classMaps(one) };
  },
  async canvas({ garments }) {
    const canvas = layOut(garments, facts);
    const found = await network.find(canvas);
    return { pixels: canvas.pixels, found, sentence: canvasSentence(garments, found, facts) };
  },
  async look(question) {
    const seen = await network.look({ ...question, picture: picture(question.picture) });
    const { label, square } = question;
    return { ...seen, sentence: pictureSentence(label, seen.probabilities, square?.size ?? 0, facts) };
  },
};
const said = [];
for (const [kind, question] of JSON.parse(readFileSync(questions))) said.push(await answer[kind](question));
writeFileSync(answers, JSON.stringify(said, plain));
