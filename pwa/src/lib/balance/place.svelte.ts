/** Which place, energy and period a screen is about: the address says it, else the plant's own. */
import { periodsOf, type Span } from '../analyse/choice.ts';
import type { CalendarPeriod, Place } from '../graphql/analyse.ts';
import { balancePlacesQuery, balanceTreesQuery } from '../graphql/balance.ts';
import { present } from '../net/errors.ts';
import { request } from '../net/request.ts';
import { mainEnergy } from '../state/energies.ts';
import { Loaded } from '../state/loaded.svelte.ts';
import { nameOf } from '../texts/language.svelte.ts';

/** The places of every tree, one tree after the other: organisation, electrical, cost centres. */
async function placesOfTrees(project: string): Promise<Place[]> {
  const trees = present((await request(balanceTreesQuery, { project })).project?.trees);
  const ask = async (tree: string) =>
    (await request(balancePlacesQuery, { project, tree })).project?.nodes ?? [];
  return (await Promise.all(trees.map((tree) => ask(tree.slug)))).flat();
}

export class PlaceView {
  readonly tree = new Loaded<Place[]>();
  readonly calendar = new Loaded<CalendarPeriod[]>();
  length = $state<Span>('month');
  back = $state(0);
  #project: () => string;
  #address: () => Pick<URLSearchParams, 'get'>;

  constructor(project: () => string, address: () => Pick<URLSearchParams, 'get'>) {
    this.#project = project;
    this.#address = address;
  }

  get place(): Place | undefined {
    const wanted = this.#address().get('node');
    return this.tree.data?.find((one) => one.id === wanted) ?? this.tree.data?.[0];
  }
  get node(): string {
    return this.place?.id ?? '';
  }
  get name(): string {
    return nameOf(this.place?.name);
  }
  get energy(): string {
    const has = this.place?.energies ?? [];
    const wanted = this.#address().get('energy') ?? '';
    return has.includes(wanted) ? wanted : mainEnergy(has);
  }
  get index(): number {
    return (this.calendar.data?.length ?? 0) - 1 - this.back;
  }
  get period(): CalendarPeriod | undefined {
    return this.calendar.data?.[this.index];
  }

  /** Load places and periods; for an effect, so that another project or length loads anew. */
  start(): void {
    const [project, length] = [this.#project(), this.length];
    if (!project) return;
    void this.tree.load(() => placesOfTrees(project), `places.trees.${project}`);
    void this.calendar.load(
      () => periodsOf(project, length, Date.now()),
      `periods.${project}.${length}`
    );
  }
  choose(length: Span): void {
    this.length = length;
    this.back = 0;
    this.calendar.data = null;
  }
}
