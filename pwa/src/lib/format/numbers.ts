/**
 * Numbers as text. Exact decimals arrive as strings and are rounded by Intl from the string itself,
 * never through a float; `exponent` moves the decimal point (kg as t: -3).
 */
const cache = new Map<string, Intl.NumberFormat>();

function formatter(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale + JSON.stringify(options);
  let found = cache.get(key);
  if (!found) {
    found = new Intl.NumberFormat(locale, options);
    cache.set(key, found);
  }
  return found;
}

/** The first number of all takes the browser long, the others nothing: have it out of the way. */
export function warmNumbers(locale: string): void {
  formatNumber(locale, 0);
}

export function formatNumber(locale: string, value: number, digits = 0): string {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return formatter(locale, options).format(value);
}

/** `value` is a decimal literal such as "18432.5"; anything else is refused, not shown as NaN. */
export function formatDecimal(locale: string, value: string, digits = 0, exponent = 0): string {
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value)) throw new TypeError(`no decimal: ${value}`);
  const scaled = exponent === 0 ? value : `${plainDecimal(value)}e${exponent}`;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return formatter(locale, options).format(scaled as Intl.StringNumericLiteral);
}

/** Python writes very small or large decimals as 1E+3; one exponent is enough. */
function plainDecimal(value: string): string {
  const [digits, exponent] = value.toLowerCase().split('e');
  if (!exponent) return value;
  const power = Number(exponent);
  const [whole = '0', part = ''] = (digits ?? '0').split('.');
  if (power >= 0) return `${whole}${part.padEnd(power, '0').slice(0, power)}.${part.slice(power)}0`;
  const negative = whole.startsWith('-');
  const padded = whole.replace('-', '').padStart(1 - power, '0');
  const text = `${padded.slice(0, power)}.${padded.slice(power)}${part}`;
  return negative ? `-${text}` : text;
}

export function formatMoney(locale: string, value: string, currency: string, digits = 0): string {
  const options: Intl.NumberFormatOptions = {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits
  };
  return formatter(locale, options).format(value as Intl.StringNumericLiteral);
}

export function formatShare(locale: string, share: number, digits = 0): string {
  const options: Intl.NumberFormatOptions = {
    style: 'percent',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits
  };
  return formatter(locale, options).format(share);
}

/**
 * The sum of decimals as they are shown, each rounded first, so that a column adds up to its total;
 * null when there is nothing to add.
 */
export function sumAsShown(
  values: readonly (string | null)[],
  digits = 0,
  exponent = 0
): string | null {
  const shown = values
    .flatMap((value) => value ?? [])
    .map((value) => {
      const text = formatDecimal('en', value, digits, exponent);
      return BigInt(text.replace(/[,.]/g, ''));
    });
  if (shown.length === 0) return null;
  const sum = shown.reduce((one, other) => one + other, 0n);
  return `${sum}e${-digits}`;
}

/** By how much `now` differs from `before` in tenths of a percent, exact; null without a base. */
export function differencePermille(now: string, before: string): number | null {
  const base = BigInt(before);
  if (base <= 0n) return null;
  const scaled = (BigInt(now) - base) * 2000n;
  const half = scaled >= 0n ? base : -base;
  return Number((scaled + half) / (2n * base));
}
