/** The form of a kind of change, made from the JSON schema that the server tells. */
export type FieldType = 'time' | 'number' | 'choice' | 'text';

export interface Field {
  name: string;
  type: FieldType;
  required: boolean;
  choices: string[];
}

interface Part {
  type?: string;
  format?: string;
  enum?: string[];
  anyOf?: Part[];
  description?: string;
}

interface Schema {
  properties?: Record<string, Part>;
  required?: string[];
}

export function fieldsOf(schema: Record<string, unknown>): Field[] {
  const { properties = {}, required = [] } = schema as Schema;
  return Object.entries(properties).map(([name, part]) => ({
    name,
    type: typeOf(part),
    required: required.includes(name),
    choices: choicesOf(part, required.includes(name))
  }));
}

/** What can be chosen; nothing at all where it may be left out. */
function choicesOf(part: Part, required: boolean): string[] {
  const found = [part, ...(part.anyOf ?? [])].find((one) => one.enum)?.enum;
  if (!found) return [];
  return required ? found : ['', ...found];
}

/** Decimals may come as number or text: the number wins; nullable fields name null beside. */
function typeOf(part: Part): FieldType {
  const parts = [part, ...(part.anyOf ?? [])];
  if (parts.some((one) => one.enum)) return 'choice';
  if (parts.some((one) => one.format === 'date-time')) return 'time';
  return parts.some((one) => one.type === 'number' || one.type === 'integer') ? 'number' : 'text';
}

/** What a person typed at `datetime-local`, by the plant's clock, as an instant. */
export function atPlant(zone: string, typed: string): string {
  const wanted = Date.parse(`${typed}Z`);
  let instant = wanted;
  for (let round = 0; round < 2; round += 1) instant = wanted - offset(zone, instant);
  return new Date(instant).toISOString();
}

/** The inverse: an instant as `datetime-local` shows it by the plant's clock. */
export function byPlantClock(zone: string, at: string): string {
  const instant = Date.parse(at);
  return new Date(instant + offset(zone, instant)).toISOString().slice(0, 16);
}

function offset(zone: string, instant: number): number {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23'
  });
  const parts = Object.fromEntries(
    format.formatToParts(new Date(instant)).map((part) => [part.type, part.value])
  );
  const { year, month, day, hour, minute, second } = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - instant;
}

/** The parameters of a filled form; empty fields are left out. */
export function paramsOf(
  fields: readonly Field[],
  typed: Readonly<Record<string, string>>,
  zone: string
): Record<string, unknown> {
  const given = fields.flatMap((field): [string, unknown][] => {
    const text = typed[field.name]?.trim();
    if (!text) return [];
    return [[field.name, field.type === 'time' ? atPlant(zone, text) : text]];
  });
  return Object.fromEntries(given);
}
