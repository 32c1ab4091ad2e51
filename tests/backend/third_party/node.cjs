// An edge node of sparkplug-client: is born, sends two values, and answers a rebirth by births.
// Arguments: MQTT URL, user, secret, group, edge node, time of the births in ms.
const client = require("sparkplug-client");
const [serverUrl, username, password, groupId, edgeNode, at] = process.argv.slice(2);
const start = Number(at);
const node = client.newClient({
  serverUrl, username, password, groupId, edgeNode,
  clientId: `${username}/gateway`,
  version: "spBv1.0",
});
const metric = (value, timestamp) => ({ name: "count", value, type: "Int32", timestamp });
node.on("birth", () => {
  node.publishNodeBirth({ timestamp: start, metrics: [] });
  node.publishDeviceBirth("press-1", { timestamp: start, metrics: [metric(-5, start)] });
  node.publishDeviceData("press-1", { timestamp: start + 1, metrics: [metric(-6, start + 1)] });
  node.publishDeviceData("press-1", { timestamp: start + 2, metrics: [metric(7, start + 2)] });
});
node.on("error", (error) => { console.error(error); process.exit(1); });
