// What goes wrong, orders that are taken back, and what operators do, by the TypeScript client: node orders.mjs CLIENT URL TOKEN.
import assert from "node:assert/strict";
import process from "node:process";

const [client, baseUrl, token] = process.argv.slice(2);
const { EndedError, Festoon, ProblemError } = await import(client);
const stranger = new Festoon({ baseUrl });
const { api } = new Festoon({ baseUrl, token });
const lantern = { template: "lantern", locale: "en" };

await assert.rejects(stranger.clip({ template: "lanturn", locale: "en" }), (error) => {
  assert(error instanceof ProblemError && error.hint.includes("lantern"));
  return error.status === 404 && error.code === "unknown-template";
});
assert.equal((await stranger.api.GET("/v1/takedowns")).error.code, "unauthorized");

const ticket = await stranger.pick(lantern);
const path = { id: ticket.id };
assert.equal((await stranger.api.GET("/v1/tickets/{id}", { params: { path } })).data.status, "queued");
assert.equal((await stranger.api.DELETE("/v1/tickets/{id}", { params: { path } })).data.status, "cancelled");
const onProgress = ({ id, status }) => status === "queued" && stranger.api.DELETE("/v1/tickets/{id}", { params: { path: { id } } });
await assert.rejects(stranger.clip(lantern, { onProgress }), (error) => error instanceof EndedError && error.ticket.status === "cancelled");
const told = [];
for await (const now of stranger.follow(ticket)) told.push(now.status);
assert.deepEqual(told, ["cancelled"]);
await assert.rejects(stranger.clip(lantern, { signal: AbortSignal.abort() }), { name: "AbortError" });

const body = { what: [{ template: "lantern" }], reason: "a test" };
const { data: standing } = await api.POST("/v1/takedowns", { body });
assert.deepEqual((await api.GET("/v1/takedowns")).data.takedowns.map(({ id }) => id), [standing.takedown]);
const clip = { params: { path: { template: "lantern", locale: "en", ext: "mp4" }, query: { parameters: { title: "a & b" } } } };
assert.equal((await stranger.api.GET("/v1/clips/{template}/{locale}.{ext}", clip)).error.code, "taken-down");
assert.equal((await api.DELETE("/v1/takedowns/{id}", { params: { path: { id: standing.takedown } } })).response.status, 204);
assert.equal((await stranger.api.GET("/v1/clips/{template}/{locale}.{ext}", clip)).response.status, 202);
