/** An IP family, in the words of the Kubernetes API (`Service.spec.ipFamilies`). */
export type Family = 'IPv4' | 'IPv6';

export const FAMILIES: readonly Family[] = ['IPv4', 'IPv6'];

export const addressBits = { IPv4: 32, IPv6: 128 } as const satisfies Record<Family, number>;
