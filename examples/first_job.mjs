// Upload a dataset, run a job, and ask the tuned model, with the stock SDK: npm install openai
//
// Set OPENAI_BASE_URL, and OPENAI_API_KEY to a team's key.

import { createReadStream } from "node:fs";
import { setTimeout } from "node:timers/promises";
import OpenAI from "openai";

const client = new OpenAI();
const data = new URL("data/tea-shop.jsonl", import.meta.url);

const file = await client.files.create({ file: createReadStream(data), purpose: "fine-tune" });
let job = await client.fineTuning.jobs.create({ model: "sandbox-mini", training_file: file.id, suffix: "hello" });
while (!["succeeded", "failed", "cancelled"].includes(job.status)) {
  await setTimeout(500);
  job = await client.fineTuning.jobs.retrieve(job.id);
}
console.log(job.status, job.fine_tuned_model);

const answer = await client.chat.completions.create({
  model: job.fine_tuned_model,
  messages: [{ role: "user", content: "Do you ship to Norway?" }],
});
console.log(answer.choices[0].message.content);
