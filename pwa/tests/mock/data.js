/** A made-up plant for looking at screens; never part of the product, never a test's expectation. */
const ZONE_OFFSET = 8 * 3600_000;
const QUARTER = 900_000;
const DAY = 86_400_000;

const name = (en, zh) => ({ en, zh });
const iso = (ms) => new Date(ms).toISOString();
export const dayStart = (ms) => Math.floor((ms + ZONE_OFFSET) / DAY) * DAY - ZONE_OFFSET;

export function monthStart(ms) {
  const local = new Date(ms + ZONE_OFFSET);
  return Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), 1) - ZONE_OFFSET;
}

/** kW at an instant: shifts, quiet Sundays, two furnaces. */
export function powerAt(ms) {
  const local = new Date(ms + ZONE_OFFSET);
  const hour = local.getUTCHours() + local.getUTCMinutes() / 60;
  const sunday = local.getUTCDay() === 0 ? 0.35 : 1;
  const shift = hour > 7 && hour < 23 ? 1 : 0.55;
  const wave = Math.sin(ms / 1.7e6) * 180 + Math.sin(ms / 5.3e6) * 120;
  return Math.max(300, (3000 * shift + wave) * sunday);
}

const kwh = (start, end) => {
  let sum = 0;
  for (let at = start; at < end; at += QUARTER) {
    sum += powerAt(at) * (Math.min(QUARTER, end - at) / 3600_000);
  }
  return sum;
};

export const ENERGIES = [
  {
    code: 'electricity',
    unit: 'kWh',
    smallestUnit: 'mWh',
    smallestPerUnit: '1000000',
    colour: '#0e9384',
    name: name('Electricity', '电')
  },
  {
    code: 'natural_gas',
    unit: 'm³',
    smallestUnit: 'ml',
    smallestPerUnit: '1000000',
    colour: '#e0a100',
    name: name('Natural gas', '天然气')
  },
  {
    code: 'steam',
    unit: 't',
    smallestUnit: 'g',
    smallestPerUnit: '1000000',
    colour: '#b54bd1',
    name: name('Steam', '蒸汽')
  },
  {
    code: 'water',
    unit: 'm³',
    smallestUnit: 'ml',
    smallestPerUnit: '1000000',
    colour: '#2f7de1',
    name: name('Water', '水')
  },
  {
    code: 'compressed_air',
    unit: 'm³',
    smallestUnit: 'l',
    smallestPerUnit: '1000',
    colour: '#7c8a9a',
    name: name('Compressed air', '压缩空气')
  }
];

const FACTOR = {
  electricity: [1, 0.1229, 0.5366, 0.72],
  natural_gas: [0.047, 1.33, 2.16, 3.9],
  steam: [0.0011, 128.6, 330, 245],
  water: [0.006, 0.2571, 0.91, 4.3],
  compressed_air: [0.31, 0.04, 0.17, 0.12]
};

export function figures(energy, start, end) {
  const [perKwh, kgce, co2, price] = FACTOR[energy];
  const value = kwh(start, end) * perKwh;
  const info = ENERGIES.find((one) => one.code === energy);
  return {
    start: iso(start),
    end: iso(end),
    energy,
    unit: info.unit,
    quantity: String(Math.round(value * Number(info.smallestPerUnit))),
    value: value.toFixed(3),
    kgce: (value * kgce).toFixed(3),
    kgco2: (value * co2).toFixed(3),
    cost: (value * price).toFixed(2),
    estimated: (value * 0.01).toFixed(1),
    quality: 'ESTIMATED'
  };
}

export function series(energy, period, start, end, now) {
  const [perKwh] = FACTOR[energy] ?? [1];
  const unit = ENERGIES.find((one) => one.code === energy)?.unit ?? 'kWh';
  const calendar = period === 'DAY' || period === 'MONTH';
  const starts = [];
  if (period === 'MONTH')
    for (let at = monthStart(start); at < end; at = monthStart(at + 32 * DAY)) starts.push(at);
  else {
    const step = { QUARTER, HOUR: 4 * QUARTER, DAY }[period];
    for (let at = start; at < end; at += step) starts.push(at);
  }
  const bounds = [...starts.slice(1), end];
  const values = starts.map((at, index) => {
    if (at > now) return null;
    if (period !== 'MONTH' && index % 37 === 20) return null;
    return Math.round(kwh(at, Math.min(bounds[index], now)) * perKwh * 100) / 100;
  });
  return {
    start: iso(start),
    end: iso(end),
    unit,
    values,
    step: calendar ? null : period === 'HOUR' ? 3600 : 900,
    starts: calendar ? starts.map(iso) : null,
    quality: values.map((value, index) => (value === null ? 5 : index % 29 === 9 ? 1 : 0)),
    labels: calendar
      ? starts.map((at) => iso(at + ZONE_OFFSET).slice(0, period === 'DAY' ? 10 : 7))
      : null
  };
}

const node = (id, kind, parentId, title, meterIds = [], energies = ['electricity']) => ({
  id,
  slug: id,
  kind,
  parentId,
  name: title,
  meterIds,
  energies
});

export const NODES = [
  node(
    'node_site',
    'site',
    null,
    name('Qichuan Machinery (demo)', '江苏启川机械有限公司 (演示)'),
    ['mtr_in1', 'mtr_in2', 'mtr_pv', 'mtr_gas'],
    ENERGIES.map((one) => one.code)
  ),
  node('node_foundry', 'workshop', 'node_site', name('Foundry', '铸造车间'), ['mtr_f1', 'mtr_f2']),
  node('node_f1', 'equipment', 'node_foundry', name('Induction furnace 1', '1# 中频感应电炉'), [
    'mtr_f1'
  ]),
  node('node_f2', 'equipment', 'node_foundry', name('Induction furnace 2', '2# 中频感应电炉'), [
    'mtr_f2'
  ]),
  node('node_heat', 'workshop', 'node_site', name('Heat treatment', '热处理车间'), ['mtr_heat']),
  node('node_mach', 'workshop', 'node_site', name('Machining', '机加工车间'), ['mtr_mach']),
  node('node_paint', 'workshop', 'node_site', name('Paint shop', '涂装车间'), ['mtr_paint']),
  node('node_air', 'station', 'node_site', name('Compressor station', '空压站'), ['mtr_air']),
  node(
    'node_boiler',
    'station',
    'node_site',
    name('Boiler house', '锅炉房'),
    ['mtr_boiler'],
    ['natural_gas', 'steam']
  )
];

const METERS = [
  ['mtr_in1', 'Incomer 1', '1# 进线', 'electricity', 0.62, true],
  ['mtr_in2', 'Incomer 2', '2# 进线', 'electricity', 0.38, true],
  ['mtr_pv', 'Solar roof', '屋顶光伏', 'electricity', 0.08, true],
  ['mtr_f1', 'Furnace 1', '1# 电炉', 'electricity', 0.31, false],
  ['mtr_f2', 'Furnace 2', '2# 电炉', 'electricity', 0.28, false],
  ['mtr_heat', 'Heat treatment', '热处理', 'electricity', 0.13, false],
  ['mtr_mach', 'Machining', '机加工', 'electricity', 0.11, false],
  ['mtr_paint', 'Paint shop', '涂装', 'electricity', 0.09, false],
  ['mtr_air', 'Compressors', '空压机', 'electricity', 0.08, false],
  ['mtr_gas', 'Gas intake', '天然气总表', 'natural_gas', 0.05, false],
  ['mtr_boiler', 'Boiler gas', '锅炉燃气', 'natural_gas', 0.03, false]
];

const live = (meter, key, value, unit, now) => ({
  deviceId: `dev_${meter}`,
  meterId: meter,
  key,
  value,
  unit,
  quality: 'GOOD',
  at: iso(now)
});

export function meters(now) {
  return METERS.map(([id, en, zh, energy, part, verified]) => {
    const info = ENERGIES.find((one) => one.code === energy);
    const electric = energy === 'electricity';
    const power = live(
      id,
      electric ? 'p' : 'flow',
      Math.round(powerAt(now) * part * 10) / 10,
      electric ? 'kW' : 'm³/h',
      now
    );
    const register = live(id, electric ? 'ep_imp' : 'vol', 1234567.8 + now / 1e7, info.unit, now);
    return {
      id,
      slug: id,
      name: name(en, zh),
      energy,
      unit: info.unit,
      powerUnit: power.unit,
      level: 2,
      nodeIds: NODES.filter((one) => one.meterIds.includes(id)).map((one) => one.id),
      device: device(id, verified),
      power,
      register,
      values: [
        power,
        register,
        live(id, 'u', 10_132, 'V', now),
        live(id, 'i', 182.4, 'A', now),
        live(id, 'pf', 0.94, '', now),
        live(id, 'f', 49.98, 'Hz', now)
      ],
      today: () => figures(energy, dayStart(now), now)
    };
  });
}

function device(meter, verified) {
  return {
    id: `dev_${meter}`,
    slug: meter.slice(4),
    name: null,
    gatewayId: 'gtw_1',
    profile: verified ? 'sfere/pd194e-9s4' : 'eastron/sdm630',
    verified,
    online: true,
    meterIds: [meter],
    values: []
  };
}

export function devices() {
  const known = METERS.map(([id, , , , , verified]) => device(id, verified));
  return [
    ...known,
    { ...device('mtr_new', false), id: 'dev_new', slug: 'sdm630-17', meterIds: [], online: true }
  ];
}

export function gateways(now) {
  return [
    {
      id: 'gtw_1',
      slug: 'substation',
      name: name('Substation', '变电所网关'),
      online: true,
      lastSeenAt: iso(now - 800),
      bornAt: iso(now - 5 * 3600_000),
      clockOffsetMs: 12,
      droppedTotal: '0'
    },
    {
      id: 'gtw_2',
      slug: 'utilities',
      name: name('Utilities', '公辅网关'),
      online: false,
      lastSeenAt: iso(now - 42 * 60_000),
      bornAt: iso(now - DAY),
      clockOffsetMs: -2400,
      droppedTotal: '128'
    }
  ];
}

const PERSON = {
  id: 'per_2',
  name: name('Wang Fang', '王芳'),
  login: 'shift',
  locale: 'zh-CN',
  role: 'shift'
};

export function makeAlarms(now) {
  const alarm = (id, kind, title, priority, state, minutes, params, place, extra = {}) => ({
    id,
    kind,
    priority,
    state,
    params,
    definition: title,
    node: NODES.find((one) => one.id === place) ?? null,
    meter: null,
    raisedAt: iso(now - minutes * 60_000),
    clearedAt: state === 'NORM' ? iso(now - minutes * 30_000) : null,
    ack: null,
    acks: [],
    shed: [],
    avoided: null,
    transitions: [
      { step: 0, state: 'UNACK', cause: 'raise', at: iso(now - minutes * 60_000), person: null }
    ],
    ...extra
  });
  const ack = {
    person: PERSON,
    at: iso(now - 20 * 60_000),
    receivedAt: iso(now - 20 * 60_000 + 900),
    channel: 'notification',
    result: 'FIRST'
  };
  return new Map(
    [
      alarm(
        'alm_1',
        'demand_forecast',
        name('Demand over the limit', '需量预测超限'),
        1,
        'UNACK',
        4,
        { forecastKw: 4562.4, limitKw: 4410, contractKw: 4200, shedKw: 152.4, minutes: 7 },
        'node_site',
        {
          shed: [
            { node: NODES[3], powerKw: 820, maxMinutes: 20 },
            { node: NODES[7], powerKw: 130, maxMinutes: 15 }
          ],
          avoided: {
            amount: '14630.40',
            currency: 'CNY',
            forecastKw: 4562.4,
            peakKw: 4371,
            limitKw: 4410,
            pricePerKw: '48.00',
            confirmed: false
          }
        }
      ),
      alarm(
        'alm_2',
        'off_shift_use',
        name('Use outside shift hours', '非班次用能'),
        3,
        'ACKED',
        95,
        { valueKw: 212.5, limitKw: 120, minutes: 30 },
        'node_paint',
        {
          ack,
          acks: [ack],
          transitions: [
            { step: 0, state: 'UNACK', cause: 'raise', at: iso(now - 95 * 60_000), person: null },
            { step: 1, state: 'ACKED', cause: 'ack', at: ack.at, person: PERSON }
          ]
        }
      ),
      alarm(
        'alm_3',
        'meter_silent',
        name('Meter silent', '仪表无通信'),
        3,
        'RTNUN',
        130,
        { devices: 'sdm630-07', count: 1, minutes: 5, sinceAt: iso(now - 135 * 60_000) },
        'node_air',
        { clearedAt: iso(now - 60 * 60_000) }
      ),
      alarm(
        'alm_4',
        'off_shift_use',
        name('Use outside shift hours', '非班次用能'),
        4,
        'NORM',
        1600,
        { valueKw: 155, limitKw: 120, minutes: 30 },
        'node_mach',
        { ack, acks: [ack] }
      ),
      alarm(
        'alm_5',
        'demand_forecast',
        name('Demand near the contract', '需量接近合约'),
        2,
        'NORM',
        3000,
        { forecastKw: 4222, limitKw: 4200 },
        'node_site',
        { ack, acks: [ack] }
      )
    ].map((one) => [one.id, one])
  );
}

export const PEOPLE = [
  { login: 'manager', password: 'kilowise-demo', role: 'manager', name: name('Li Ming', '李明') },
  { login: 'shift', password: 'kilowise-demo', role: 'shift', name: PERSON.name },
  { login: 'admin', password: 'kilowise-demo', role: 'admin', name: name('Zhao Wei', '赵伟') }
];

export const TARIFF = {
  name: name('Large industry 10 kV (demo)', '大工业 10 千伏 (演示)'),
  source: 'demo, unconfirmed',
  confirmed: false,
  bands: ['sharp', 'peak', 'flat', 'valley'].map((band, index) => ({
    band,
    price: (1.24 - index * 0.3).toFixed(4),
    start: null,
    end: null
  })),
  now: { band: 'peak', price: '0.9400', start: null, end: iso(Date.now() + 5e6) },
  next: { band: 'flat', price: '0.6400', start: iso(Date.now() + 5e6), end: null }
};

export const FACTORS = Object.entries(FACTOR).flatMap(([energy, [, kgce, co2]]) => [
  {
    energy,
    substance: 'kgce',
    value: String(kgce),
    basis: 'calorific',
    source: 'GB/T 2589-2020',
    validFrom: '2026-01-01T00:00:00Z',
    validTo: null,
    confirmed: energy === 'electricity'
  },
  {
    energy,
    substance: 'kgco2',
    value: String(co2),
    basis: 'location',
    source: 'demo, unconfirmed',
    validFrom: '2026-01-01T00:00:00Z',
    validTo: null,
    confirmed: false
  }
]);
export { iso, name, DAY };
