/** Questions and answers of support, which travel as JSON objects, as lines of text. */
type Fields = Record<string, unknown>;

/** "incomer-1 p" or "incomer-1 3 100 2", whatever was asked. */
export function askedText(params: Fields): string {
  return Object.values(params).map(String).join(' ');
}

/** Lines of a log as they are, values with their names, then what the gateway adds. */
export function answerLines(answer: Fields | null): string[] {
  const lines = Object.entries(answer ?? {}).flatMap(([name, value]) => textsOf(name, value));
  return lines.filter((line) => line !== '');
}

function textsOf(name: string, value: unknown): string[] {
  if (Array.isArray(value)) return name === 'lines' ? value.map(String) : [value.join(' ')];
  if (value !== null && typeof value === 'object') {
    return Object.entries(value).map(([key, one]) => `${key} = ${String(one)}`);
  }
  return value === null ? [] : [String(value)];
}
