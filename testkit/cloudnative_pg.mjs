// Prints what is wrong with the resources on standard input, an array of JSON: `node cloudnative_pg.mjs`.
import { readFileSync } from "node:fs";
import { Cluster, Pooler } from "@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1";

const models = { Cluster, Pooler };

// The validators accept unknown fields, but never read them.
function watch(value, path, read) {
  if (typeof value !== "object" || value === null) return value;
  return new Proxy(value, {
    get(target, name) {
      read.add(`${path}/${String(name)}`);
      return watch(Reflect.get(target, name), `${path}/${String(name)}`, read);
    },
  });
}

function* paths(value, path = "") {
  if (typeof value !== "object" || value === null) return;
  for (const [name, each] of Object.entries(value)) {
    yield `${path}/${name}`;
    yield* paths(each, `${path}/${name}`);
  }
}

for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  const read = new Set();
  const model = new models[resource.kind](resource);
  try {
    model.validate.call(watch(model, "", read));
  } catch (error) {
    console.log(`${resource.kind}: ${error.message}`);
  }
  for (const path of paths(resource)) if (!read.has(path)) console.log(`${resource.kind}${path} is unknown`);
}
