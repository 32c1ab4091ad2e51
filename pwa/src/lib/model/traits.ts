/** What a meter is beside its register: as a form holds it, and as the server wants it. */
import type { Described } from '../graphql/model.ts';

export interface Traits {
  level: string;
  accuracy: string;
  nameplate: string;
  ownProduct: boolean;
  role: string;
}

/** What most new meters are. */
const NEW: Traits = { level: '3', accuracy: '', nameplate: '', ownProduct: false, role: '' };

/** Of a meter that is there, or of a new one. */
export function traitsOf(meter?: Described): Traits {
  if (!meter) return { ...NEW };
  return {
    level: String(meter.level),
    accuracy: meter.accuracy ?? '',
    nameplate: meter.nameplate?.replace(/\.?0+$/, '') ?? '',
    ownProduct: meter.ownProduct,
    role: meter.role ?? ''
  };
}

/** Only meters of electricity between the plant and others, or its sources, settle anything. */
export function settles(traits: Traits, unit: string | undefined): boolean {
  return traits.level === '1' && unit === 'kWh';
}

export function traitsInput(traits: Traits, unit: string | undefined) {
  return {
    level: Number(traits.level),
    accuracy: traits.accuracy.trim() || null,
    nameplate: traits.nameplate.trim() || null,
    ownProduct: traits.ownProduct,
    role: settles(traits, unit) ? traits.role || null : null
  };
}
