// The JavaScript SDKs before the local speech server: client.mjs BASE_URL FOLDER, as client.py.
import { writeFileSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "x.js"));
const [base, folder] = process.argv.slice(2);
const input = "Hello from streamplay. This is a test, and it goes on for a second sentence.";

async function load(name) {
  const module = require(name);
  const path = join(process.cwd(), "node_modules", name, "package.json");
  return [module.default ?? module, `${name} (JavaScript) ${JSON.parse(readFileSync(path)).version}`];
}

async function call(client, what, act) {
  const told = { client, call: what };
  try {
    const came = await act();
    if (came.file) {
      writeFileSync(join(folder, came.file), Buffer.from(came.data));
      told.file = came.file;
    } else told.came = String(came);
  } catch (error) {
    told.error = String(error).slice(0, 300);
  }
  console.log(JSON.stringify(told));
}

const [OpenAI, openai] = await load("openai");
{
  const client = new OpenAI({ apiKey: "key", baseURL: base });
  const fields = { model: "gpt-4o-mini-tts", voice: "verse", input };
  for (const kind of ["mp3", "opus", "aac", "flac", "wav", "pcm"])
    await call(openai, `create, ${kind}`, async () => {
      const response = await client.audio.speech.create({ ...fields, response_format: kind });
      return { file: `openai-js.${kind}`, data: await response.arrayBuffer() };
    });
  await call(openai, "models.retrieve", async () => (await client.models.retrieve("tts-1")).id);
}
const [Together, together] = await load("together-ai");
{
  const client = new Together({ apiKey: "key", baseURL: base });
  const fields = { model: "canopylabs/orpheus-3b-0.1-ft", voice: "tara", input };
  for (const kind of ["mp3", "wav"])
    await call(together, `create, ${kind}`, async () => {
      const response = await client.audio.speech.create({ ...fields, response_format: kind });
      return { file: `together-js.${kind}`, data: await response.arrayBuffer() };
    });
  await call(together, "stream: true", async () => {
    const stream = await client.audio.speech.create({ ...fields, response_format: "raw", stream: true });
    let events = 0;
    for await (const _ of stream) events += 1;
    if (events < 3) throw new Error(`${events} events`);
    return `${events} events`;
  });
}
