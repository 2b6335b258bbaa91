// A TypeScript client whose types openapi-typescript made from /openapi.json: answers and errors are typed.
import createClient from "openapi-fetch";
import { MODEL, report } from "./calls.mjs";
import type { paths } from "./generated/schema.js";

declare const process: { env: Record<string, string> };
const baseUrl = process.env.OPENAI_BASE_URL!.replace(/\/v1$/, "");
const headers = { Authorization: `Bearer ${process.env.OPENAI_API_KEY}` };
const client = createClient<paths>({ baseUrl, headers });

function assert(holds: unknown): asserts holds {
  if (!holds) throw new Error("not as expected");
}

await report("openapi-typescript", {
  "GET /v1/me, /v1/files, /v1/costs": async () => {
    const me = await client.GET("/v1/me");
    assert(me.data?.scopes.includes("infer"));
    const files = await client.GET("/v1/files", { params: { query: { limit: 5 } } });
    assert(files.data?.data.length === 0);
    const costs = await client.GET("/v1/costs");
    assert(costs.data !== undefined);
  },
  "POST /v1/chat/completions": async () => {
    const body = { model: MODEL!, messages: [{ role: "user" as const, content: "Which tea is the mildest?" }] };
    const answer = await client.POST("/v1/chat/completions", { body });
    assert(answer.data?.object === "chat.completion");
    assert(answer.data.choices[0]?.message.content);
  },
  "errors are typed": async () => {
    const { error } = await client.GET("/v1/files/{file_id}", { params: { path: { file_id: "file-none" } } });
    assert(error?.error.code === "not_found");
    const estimate = { model: MODEL!, training_file: "file-none" };
    const refused = await client.POST("/v1/fine_tuning/estimates", { body: estimate });
    assert(refused.error?.error.param === "training_file");
  },
});
