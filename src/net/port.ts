declare const brand: unique symbol;

/** A transport port, 1 to 65535. Made only by `parsePort`. */
export type Port = number & { readonly [brand]: 'Port' };

/** The number as a port; null when it is no whole number from 1 to 65535. */
export function parsePort(value: number): Port | null {
  return Number.isInteger(value) && value >= 1 && value <= 65535 ? (value as Port) : null;
}
