/** Meter lists and labels over REST. */
import { get, send } from '../net/send.ts';
import type { Params } from '../net/errors.ts';

export interface CellFault {
  cell: string;
  column: string;
  value: string | null;
  code: string;
  params: Params;
}

export interface MeterDifference {
  change: 'added' | 'changed' | 'ended';
  row: number;
  meter: string | null;
  name: string;
  /** Before and after, by column. */
  fields: Record<string, [string | null, string | null]>;
}

export interface GatewayDifference {
  gateway: string;
  made: boolean;
  version: number;
  added: string[];
  changed: string[];
  removed: string[];
}

export interface MeterList {
  id: string;
  name: string;
  state: 'checked' | 'applied' | 'rolled_back';
  created_at: string;
  unchanged: number;
  absent: number;
  faulty: number;
  unknown: string[];
  faults: CellFault[];
  meters: MeterDifference[];
  gateways: GatewayDifference[];
}

export interface Label {
  meter: string;
  slug: string;
  name: Record<string, string>;
  asset: string | null;
  /** An SVG path on a grid of `qr_size`. */
  qr: string;
  qr_size: number;
}

export interface LabelPage {
  items: Label[];
  next: string | null;
}

const PATH = '/api/v1/meter-lists';
const of = (project: string, more: Record<string, string> = {}) =>
  new URLSearchParams({ project, ...more }).toString();

export const listAddress = (project: string, locale: string) =>
  `/api/v1/meter-list?${of(project, { locale })}`;

export const lists = (project: string) => get<MeterList[]>(`${PATH}?${of(project)}`);

export const bring = (project: string, file: File) =>
  send(`${PATH}?${of(project, { name: file.name.slice(0, 200) })}`, file);

export const apply = (project: string, id: string) =>
  send(`${PATH}/${id}/apply?${of(project)}`, null);

export const rollBack = (project: string, id: string) =>
  send(`${PATH}/${id}/roll-back?${of(project)}`, null);

export const labels = (project: string, after: string | null) =>
  get<LabelPage>(`/api/v1/meter-labels?${of(project, after ? { after } : {})}`);
