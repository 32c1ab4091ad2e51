// A host application of sparkplug-client's own parts: its MQTT client and its payload codec.
// (The package itself has the edge node's role only.) It says STATE as a host must, prints every
// message of its group as one line of JSON, names put to the aliases of the births, and takes
// {"rebirth": node} or {"leave": true} on its standard input.
// Arguments: MQTT URL, user, secret, host id, group.
const readline = require("node:readline");
const mqtt = require("mqtt");
const sparkplug = require("sparkplug-payload").get("spBv1.0");
const [url, username, password, host, group] = process.argv.slice(2);

const topic = `spBv1.0/STATE/${host}`;
const timestamp = Date.now();
const state = (online, at) => JSON.stringify({ online, timestamp: at });
const retained = { qos: 1, retain: true };
const client = mqtt.connect(url, {
  username, password, clientId: `${username}/${host}`, clean: true, reconnectPeriod: 0,
  will: { topic, payload: state(false, timestamp), ...retained },
});
const plain = (key, value) =>
  typeof value === "bigint" || (value && value.constructor && value.constructor.name === "Long")
    ? value.toString()
    : value;
const names = new Map();

client.on("connect", () => {
  client.subscribe([topic, `spBv1.0/${group}/#`], { qos: 1 }, () => {
    client.publish(topic, state(true, timestamp), retained);
  });
});
client.on("message", (heard, payload) => {
  const [, , kind, node, device] = heard.split("/");
  if (!kind || !node || kind === "NCMD" || heard.startsWith("spBv1.0/STATE/")) return;
  const message = sparkplug.decodePayload(payload);
  for (const metric of message.metrics) {
    if (metric.alias === undefined || metric.alias === null) continue;
    const alias = metric.alias.toString();
    if (kind.endsWith("BIRTH")) names.set(alias, metric.name);
    metric.name = names.get(alias);
  }
  process.stdout.write(JSON.stringify({ kind, node, device, ...message }, plain) + "\n");
});
client.on("error", (error) => { console.error(error); process.exit(1); });

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  if (request.rebirth) {
    const metrics = [{ name: "Node Control/Rebirth", type: "Boolean", value: true }];
    const payload = sparkplug.encodePayload({ timestamp: Date.now(), metrics });
    client.publish(`spBv1.0/${group}/NCMD/${request.rebirth}`, Buffer.from(payload));
  }
  if (request.leave) client.publish(topic, state(false, Date.now()), retained);
});
