// OpenAI's SDK for Node: the way from a file to a tuned model's answer, and each kind of call to it.
import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { EXAMPLES, MODEL, QUESTION, report } from "./calls.mjs";

const client = new OpenAI({ maxRetries: 0 });
const Tea = z.object({ name: z.string(), minutes: z.number() });
const messages = [{ role: "user", content: QUESTION }];
const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

await report("openai", {
  "models.list": async () => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert(ids.includes(MODEL));
  },
  "files.create, content, delete": async () => {
    const file = await client.files.create({ file: createReadStream(EXAMPLES), purpose: "fine-tune" });
    await client.files.waitForProcessing(file.id, { pollInterval: 200 });
    assert((await (await client.files.content(file.id)).text()).startsWith("{"));
    assert((await client.files.delete(file.id)).deleted);
  },
  "fineTuning.jobs.create, retrieve, listEvents, checkpoints.list; the tuned model": async () => {
    const file = await client.files.create({ file: createReadStream(EXAMPLES), purpose: "fine-tune" });
    let job = await client.fineTuning.jobs.create({
      model: MODEL,
      training_file: file.id,
      method: { type: "supervised", supervised: { hyperparameters: { n_epochs: 1 } } },
    });
    while (!["succeeded", "failed", "cancelled"].includes(job.status)) {
      await pause(200);
      job = await client.fineTuning.jobs.retrieve(job.id);
    }
    assert.equal(job.status, "succeeded");
    assert((await client.fineTuning.jobs.listEvents(job.id, { limit: 2 })).data.length);
    assert((await client.fineTuning.jobs.checkpoints.list(job.id)).data.length);
    const answer = await client.chat.completions.create({ model: job.fine_tuned_model, messages });
    assert(answer.choices[0].message.content);
  },
  "chat.completions.create, whole and streamed": async () => {
    const answer = await client.chat.completions.create({ model: MODEL, messages, max_tokens: 20 });
    assert(answer.usage.total_tokens > 0);
    const stream = await client.chat.completions.create({ model: MODEL, messages, stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
    assert(text);
  },
  "chat.completions.create with tools, and the result sent back": async () => {
    const tools = [{ type: "function", function: { name: "get_weather", parameters } }];
    const asked = await client.chat.completions.create({ model: MODEL, messages, tools, tool_choice: "required" });
    const { message } = asked.choices[0];
    const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "4 degrees" };
    const said = [...messages, message, result];
    assert((await client.chat.completions.create({ model: MODEL, messages: said, tools })).choices.length);
  },
  "chat.completions.parse with zod": async () => {
    const response_format = zodResponseFormat(Tea, "tea");
    const answer = await client.chat.completions.parse({ model: MODEL, messages, response_format });
    Tea.parse(answer.choices[0].message.parsed);
  },
  "responses.create with tools, and its items sent back": async () => {
    const tools = [{ type: "function", name: "get_weather", parameters, strict: true }];
    const asked = await client.responses.create({ model: MODEL, input: QUESTION, tools, tool_choice: "required" });
    const call = asked.output.find((item) => item.type === "function_call");
    const result = { type: "function_call_output", call_id: call.call_id, output: "4 degrees" };
    const input = [{ role: "user", content: QUESTION }, ...asked.output, result];
    assert((await client.responses.create({ model: MODEL, input, tools })).output_text);
  },
  "responses.parse with zod, responses.stream": async () => {
    const text = { format: zodTextFormat(Tea, "tea") };
    const answer = await client.responses.parse({ model: MODEL, input: QUESTION, text });
    Tea.parse(answer.output_parsed);
    const stream = client.responses.stream({ model: MODEL, input: QUESTION });
    assert((await stream.finalResponse()).output_text);
  },
  "errors are the SDK's classes, with code and param": async () => {
    await assert.rejects(client.chat.completions.create({ model: "gpt-none", messages }), (error) => {
      assert(error instanceof OpenAI.NotFoundError);
      assert.equal(error.code, "model_not_found");
      return true;
    });
  },
});
