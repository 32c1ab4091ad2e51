/** Resolvers of the made-up plant; MOCK=ok|story chooses what the first screen says. */
import * as plant from './data.js';

const story = process.env.MOCK !== 'ok';
let signedIn = process.env.MOCK_SIGNED_OUT !== '1';
const alarms = plant.makeAlarms(Date.now());
if (!story) for (const id of ['alm_1', 'alm_2', 'alm_3']) alarms.delete(id);
const listeners = new Set();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const openAlarms = () => [...alarms.values()].filter((alarm) => alarm.state !== 'NORM');

function demand(now) {
  const current = plant.powerAt(now) + (story ? 900 : 0);
  const forecast = story ? 4562.4 : current + 120;
  return {
    at: plant.iso(now),
    windowMinutes: 15,
    stepMinutes: 1,
    contractKw: 4200,
    limitKw: 4410,
    currentKw: current,
    forecastKw: forecast,
    minutesToLimit: story ? 7 : null,
    shedKw: story ? 152.4 : null,
    monthMaxKw: 4188.2,
    shed: story ? [{ node: plant.NODES[3], powerKw: 820, maxMinutes: 20 }] : []
  };
}

function summary() {
  const now = Date.now();
  const start = plant.dayStart(now);
  const energies = plant.ENERGIES.map((one) => plant.figures(one.code, start, now));
  const total = (field) => energies.reduce((sum, one) => sum + Number(one[field]), 0).toFixed(2);
  const parts = [
    ['node_f1', 0.31],
    ['node_f2', 0.28],
    ['node_heat', 0.13],
    ['node_mach', 0.11],
    ['node_paint', 0.09],
    ['node_air', 0.08]
  ];
  return {
    at: plant.iso(now),
    node: plant.NODES[0],
    today: energies[0],
    yesterday: plant.figures('electricity', start - plant.DAY, now - plant.DAY),
    month: plant.figures('electricity', plant.monthStart(now), now),
    energies,
    totalKgce: total('kgce'),
    totalKgco2: total('kgco2'),
    totalCost: total('cost'),
    todaySeries: plant.series('electricity', 'QUARTER', start, now, now),
    yesterdaySeries: plant.series('electricity', 'QUARTER', start - plant.DAY, start, now),
    monthSeries: plant.series(
      'electricity',
      'DAY',
      plant.monthStart(now),
      plant.monthStart(plant.monthStart(now) + 32 * plant.DAY),
      now
    ),
    powerKw: plant.powerAt(now) + (story ? 900 : 0),
    powerAt: plant.iso(now),
    demand: demand(now),
    top: parts.map(([id, share]) => ({
      node: plant.NODES.find((one) => one.id === id),
      powerKw: plant.powerAt(now) * share,
      share
    })),
    openAlarms: openAlarms().length,
    importProgress: story
      ? {
          id: 'imp_1',
          source: 'history',
          state: 'RUNNING',
          rowsTotal: 800_000,
          rowsDone: 344_000,
          rowsRejected: 0,
          error: null
        }
      : null,
    metersLive: story ? 30 : 31,
    metersTotal: 31
  };
}

function project() {
  const now = Date.now();
  return {
    id: 'prj_1',
    slug: 'demo',
    name: { en: 'Qichuan Machinery (demo)', zh: '江苏启川机械有限公司 (演示)' },
    zone: 'Asia/Shanghai',
    currency: 'CNY',
    demo: true,
    role: 'manager',
    energies: plant.ENERGIES,
    nodes: plant.NODES,
    meters: plant.meters(now),
    devices: plant.devices(),
    gateways: plant.gateways(now),
    meter: ({ id }) => plant.meters(now).find((one) => one.id === id) ?? null,
    node: ({ id }) => plant.NODES.find((one) => one.id === id) ?? null,
    series: ({ energy, period, start, end }) =>
      plant.series(energy, period, Date.parse(start), Date.parse(end), now),
    periods: ({ period, start, end }) => periods(period, Date.parse(start), Date.parse(end)),
    ranking: () => [],
    alarms: ({ open, first, before }) =>
      [...alarms.values()]
        .filter(
          (alarm) => (open ? alarm.state !== 'NORM' : true) && (!before || alarm.raisedAt < before)
        )
        .sort((a, b) => b.raisedAt.localeCompare(a.raisedAt))
        .slice(0, first),
    alarm: ({ id }) => alarms.get(id) ?? null,
    pushKey:
      'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
    pushRegistered: true,
    importProgress: null,
    demand: demand(now),
    tariff: plant.TARIFF,
    factors: plant.FACTORS
  };
}

function periods(period, start, end) {
  const found = [];
  const next = {
    DAY: (at) => at + plant.DAY,
    MONTH: (at) => plant.monthStart(at + 32 * plant.DAY),
    YEAR: (at) => yearStart(at + 370 * plant.DAY)
  }[period];
  let at = { DAY: plant.dayStart, MONTH: plant.monthStart, YEAR: yearStart }[period](start);
  for (; at < end; at = next(at)) {
    found.push({
      start: plant.iso(at),
      end: plant.iso(next(at)),
      label: plant.iso(at + 8 * 3600_000).slice(0, 10)
    });
  }
  return found;
}

const yearStart = (ms) =>
  Date.UTC(new Date(ms + 8 * 3600_000).getUTCFullYear(), 0, 1) - 8 * 3600_000;
const viewer = () => ({
  demo: true,
  projects: [project()],
  person: {
    id: 'per_1',
    login: 'manager',
    locale: 'en',
    role: 'manager',
    name: plant.PEOPLE[0].name
  }
});

function acknowledge({ input }) {
  const alarm = alarms.get(input.alarm);
  if (!alarm) throw new Error('not_found');
  const ack = {
    person: viewer().person,
    at: plant.iso(Date.now()),
    receivedAt: plant.iso(Date.now()),
    channel: input.channel,
    result: alarm.ack ? 'LATER' : 'FIRST'
  };
  alarm.ack ??= ack;
  alarm.acks.push(ack);
  alarm.state = alarm.state === 'RTNUN' ? 'NORM' : 'ACKED';
  alarm.transitions.push({
    step: alarm.transitions.length,
    state: alarm.state,
    cause: 'ack',
    at: ack.at,
    person: ack.person
  });
  for (const listener of listeners) listener(alarm);
  return { alarm, result: ack.result, effectiveAt: ack.at };
}

async function* every(ms, frame) {
  for (;;) {
    yield frame();
    await wait(ms);
  }
}

export const resolvers = {
  now: () => plant.iso(Date.now()),
  viewer: () => (signedIn ? viewer() : null),
  demoPeople: plant.PEOPLE,
  project: () => project(),
  signIn: () => {
    signedIn = true;
    return { viewer: viewer() };
  },
  signOut: () => {
    signedIn = false;
    return true;
  },
  setLocale: ({ locale }) => ({ ...viewer().person, locale }),
  acknowledge,
  registerPush: true,
  unregisterPush: true,
  testPush: 1,
  playStory: true,
  summary: () => every(1000, () => ({ summary: summary() })),
  live: () =>
    every(1000, () => ({
      live: {
        at: plant.iso(Date.now()),
        values: plant.meters(Date.now()).flatMap((one) => one.values)
      }
    })),
  importProgress: () => every(5000, () => ({ importProgress: null })),
  alarms: async function* () {
    const queue = [];
    let wake = () => undefined;
    const listener = (alarm) => {
      queue.push(alarm);
      wake();
    };
    listeners.add(listener);
    try {
      for (;;) {
        while (queue.length) yield { alarms: queue.shift() };
        await new Promise((resolve) => (wake = resolve));
      }
    } finally {
      listeners.delete(listener);
    }
  }
};
