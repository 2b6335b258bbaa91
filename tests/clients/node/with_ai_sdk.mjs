// Vercel's AI SDK: text, objects and tools, over chat and over Responses (its default).
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { generateObject, generateText, streamObject, streamText, tool } from "ai";
import { z } from "zod";
import { MODEL, QUESTION, report } from "./calls.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
const openai = createOpenAI();
const schema = z.object({ name: z.string(), minutes: z.number() });
const weather = tool({
  description: "Get the weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `4 degrees in ${city}`,
});
const calls = {};
for (const [route, model] of [["Responses", openai.responses(MODEL)], ["chat", openai.chat(MODEL)]]) {
  calls[`generateText, streamText over ${route}`] = async () => {
    assert((await generateText({ model, prompt: QUESTION, maxRetries: 0 })).text);
    let text = "";
    for await (const part of streamText({ model, prompt: QUESTION, maxRetries: 0 }).textStream) text += part;
    assert(text);
  };
  calls[`generateObject, streamObject over ${route}`] = async () => {
    const { object } = await generateObject({ model, schema, prompt: QUESTION, maxRetries: 0 });
    schema.parse(object);
    const parts = [];
    const stream = streamObject({ model, schema, prompt: QUESTION, maxRetries: 0 });
    for await (const part of stream.partialObjectStream) parts.push(part);
    schema.parse(parts.at(-1));
  };
  calls[`toolChoice "required", and a second turn over ${route}`] = async () => {
    const tools = { weather };
    const prompt = [{ role: "user", content: "What is the weather in Oslo?" }];
    const first = await generateText({ model, tools, toolChoice: "required", messages: prompt, maxRetries: 0 });
    assert(first.toolResults.length);
    const messages = [...prompt, ...first.response.messages];
    assert((await generateText({ model, tools, messages, maxRetries: 0 })).response.messages.length);
  };
}

await report("ai", calls);
