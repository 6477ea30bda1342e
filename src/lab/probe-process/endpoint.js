/**
 * `address:port`, with IPv6 in brackets.
 * @param {string} address
 * @param {number} port
 */
export function endpoint(address, port) {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * The address of what `endpoint` wrote.
 * @param {string} text
 */
export function addressIn(text) {
  return text.slice(0, text.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}
