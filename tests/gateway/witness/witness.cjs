// Reads one JSON request a line ({decode: hex} or {encode: payload}) and answers one line each.
const readline = require("node:readline");
const sparkplug = require("sparkplug-payload").get("spBv1.0");

// Long objects and bigints of protobufjs as plain decimal texts, so that nothing is rounded.
const plain = (key, value) =>
  typeof value === "bigint" || (value && value.constructor && value.constructor.name === "Long")
    ? value.toString()
    : value;

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = request.decode
      ? sparkplug.decodePayload(Buffer.from(request.decode, "hex"))
      : { hex: Buffer.from(sparkplug.encodePayload(request.encode)).toString("hex") };
  } catch (fault) {
    answer = { fault: String(fault) };
  }
  process.stdout.write(JSON.stringify(answer, plain) + "\n");
});
