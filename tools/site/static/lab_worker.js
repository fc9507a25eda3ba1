// The network in a worker, so that the page never waits.

import * as ort from "./onnxruntime-web/ort.wasm.min.mjs";
import { Network } from "./network.mjs";

const at = (name) => new URL(name, import.meta.url).href;
ort.env.wasm.numThreads = 1; // more need headers that a plain web server does not send
ort.env.wasm.wasmPaths = at("onnxruntime-web/");

const started = Promise.all([
  ort.InferenceSession.create(at("lab/network.onnx")),
  fetch(at("lab/facts.json")).then((response) => response.json()),
]).then(([session, facts]) => new Network(ort, session, facts));

onmessage = async ({ data: question }) => {
  try {
    postMessage({ answer: await (await started).look(question) });
  } catch (error) {
    postMessage({ failed: String(error.message ?? error) });
  }
};
