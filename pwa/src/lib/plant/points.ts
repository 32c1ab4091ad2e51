/** Names of points by their key: the quantity, and the phase or circuit it belongs to. */
import { tNamed } from '../texts/language.svelte.ts';

const PHASE = /^(.+)_(a|b|c|ab|bc|ca)$/;

/** "c2/ep_imp_a" is "Energy imported A · c2"; an unknown key stands for itself. */
export function pointName(key: string): string {
  const [circuit, point] = key.includes('/') ? key.split('/', 2) : ['', key];
  const known = tNamed(`point.${point}`, {}, '');
  const [, base, phase] = known ? [] : (PHASE.exec(point ?? '') ?? []);
  const name =
    known || (base ? `${tNamed(`point.${base}`, {}, base)} ${phase?.toUpperCase()}` : point);
  return circuit ? `${name} · ${circuit}` : (name ?? key);
}
