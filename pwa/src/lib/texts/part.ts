/** Which texts travel with the first screen, which with all others, and which stay at the server. */
const FIRST =
  /^(nav|state|demo|now|figure|unit)\.|^errors\.(offline|error|internal|unavailable)\b|^alarms\.(open|arrived)\b|^alarm\.\w+\.detail$/;
const REST =
  /^(signin|identity|join|people|access|permission|module|role|errors|alarms|alarm|analyse|plant|more|measure|band|basis|kind|point|substance|gateways|configs|enrolment|support|devices|commands|profiles|balance|quality|equipment|round|stock|imports|calendar|model|restatement|sheet|updates|meterlist)\./;

export function partOf(key: string): 'first' | 'rest' | null {
  if (FIRST.test(key)) return 'first';
  return REST.test(key) ? 'rest' : null;
}
