// Answers settings of explorers as a web page does: node in_page.mjs NODE_MODULES COURSE.ZIP QUESTIONS.JSON ANSWERS.JSON

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [packages, course, questions, answers] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${packages}/pyodide/pyodide.mjs`));
const python = await loadPyodide();
python.unpackArchive(new Uint8Array(readFileSync(course)).buffer, "zip", { extractDir: "/course" });
const answer = python.runPython("import sys; sys.path.insert(0, '/course'); import in_page; in_page.answered");
const asked = JSON.parse(readFileSync(questions));
const said = asked.map(([name, values, pinned]) => answer(name, JSON.stringify(values), JSON.stringify(pinned)));
writeFileSync(answers, JSON.stringify(said.map((text) => JSON.parse(text))));
