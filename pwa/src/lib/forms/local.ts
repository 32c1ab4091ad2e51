/** The plant's clock in `datetime-local` fields: what is typed there is the plant's time. */

function parts(zone: string, at: number): string {
  const text = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit'
  }).format(at);
  return text.replace(' ', 'T');
}

/** An instant as a field shows it. */
export function toField(zone: string, at: number): string {
  return parts(zone, at);
}

/**
 * What a field says as an instant. A time that clocks jump over becomes the one an hour later, of
 * one that comes twice the first; null for no time at all.
 */
export function fromField(zone: string, text: string): string | null {
  const wanted = Date.parse(`${text}Z`);
  if (!Number.isFinite(wanted)) return null;
  const shift = (at: number) => Date.parse(`${parts(zone, at)}Z`) - at;
  const before = wanted - shift(wanted - 86_400_000);
  if (parts(zone, before) === text) return new Date(before).toISOString();
  const after = wanted - shift(wanted + 86_400_000);
  const fits = parts(zone, after) === text;
  return new Date(fits ? after : before).toISOString();
}
