// Run a client's calls and report each as a line of JSON, as python/calls.py does. The working directory is this folder.
import { readFileSync } from "node:fs";

export const MODEL = process.env.MODEL;
export const COMPLETION_MODEL = process.env.COMPLETION_MODEL;
export const EXAMPLES = process.env.EXAMPLES;
export const QUESTION = "Which tea is the mildest?";

/** Make all `calls`, a function by name each, and print the package's version and what became of each call. */
export async function report(name, calls) {
  const locked = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  console.log(JSON.stringify({ package: name, version: locked.version }));
  for (const [call, make] of Object.entries(calls)) {
    let problem = null;
    try {
      await make();
    } catch (error) {
      console.error(error);
      problem = `${error.name}: ${error.message}`;
    }
    console.log(JSON.stringify({ call, problem }));
  }
}
