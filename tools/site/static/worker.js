// Python in a worker, so that the page never waits: it answers what an explorer shows for some settings.

import { loadPyodide } from "./pyodide/pyodide.mjs";

const started = (async () => {
  const [python, files] = await Promise.all([
    loadPyodide(),
    fetch(new URL("course.zip", import.meta.url)).then((response) => response.arrayBuffer()),
  ]);
  python.unpackArchive(files, "zip", { extractDir: "/course" });
  const answer = python.runPython("import sys; sys.path.insert(0, '/course'); import in_page; in_page.answered");
  postMessage({ ready: true });
  return answer;
})();

onmessage = async ({ data: { id, explorer, values, pinned } }) => {
  const answer = await started;
  postMessage({ id, answer: JSON.parse(answer(explorer, JSON.stringify(values), JSON.stringify(pinned))) });
};
