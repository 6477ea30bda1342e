import type { ConntrackSettings } from '../../src/datapath/conntrack/settings.ts';

/** Nothing is set. */
export const noConntrackSettings: ConntrackSettings = Object.freeze({
  maxPerCore: 0,
  min: 0,
  tcpEstablishedTimeout: 0,
  tcpCloseWaitTimeout: 0,
  tcpBeLiberal: false,
  udpTimeout: 0,
  udpStreamTimeout: 0,
});
