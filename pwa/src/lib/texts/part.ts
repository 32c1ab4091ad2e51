/** Which texts travel with the first screen, which with all others, and which stay at the server. */
const FIRST =
  /^(nav|state|demo|now|figure|unit)\.|^errors\.(offline|error|internal|unavailable)\b|^alarms\.(open|arrived)\b|^alarm\.\w+\.detail$/;
const REST = new Set([
  'access',
  'alarm',
  'alarms',
  'analyse',
  'audit',
  'balance',
  'band',
  'basis',
  'calendar',
  'commands',
  'configs',
  'devices',
  'enrolment',
  'equipment',
  'errors',
  'gateways',
  'groups',
  'identity',
  'imports',
  'join',
  'kind',
  'measure',
  'meterlist',
  'model',
  'module',
  'more',
  'mqtt',
  'operator',
  'people',
  'permission',
  'plant',
  'point',
  'post',
  'profiles',
  'projects',
  'quality',
  'restatement',
  'role',
  'round',
  'sheet',
  'signin',
  'signup',
  'stock',
  'substance',
  'support',
  'updates',
  'webhook'
]);

export function partOf(key: string): 'first' | 'rest' | null {
  if (FIRST.test(key)) return 'first';
  return REST.has(key.slice(0, key.indexOf('.'))) ? 'rest' : null;
}
