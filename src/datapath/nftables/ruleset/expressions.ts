/**
 * Statements as the kernel's expressions. Registers are given out from the first one on, anew in each statement: a value
 * lies from where it is asked for, the fields of a concatenation one behind the other, each padded to 4 bytes. The
 * result of a lookup takes the place of its key, which the kernel has read before it writes.
 */
import { endianness } from 'node:os';
import { addressBytes } from '../../../net/address.ts';
import type { Verdict } from '../../../wire/nftables/element.ts';
import { verdictNumber } from '../../../wire/nftables/element.ts';
import {
  type Expression,
  NFT_REG_VERDICT,
  numbers,
  REGISTERS,
  registerNumber,
} from '../../../wire/nftables/expressions.ts';
import { beginningOf, ctMark, dport } from './loads.ts';
import type { NatFlag, SetNode, Statement, Value } from './nodes.ts';
import { fieldsOf, isHostNumber, paddedLengthOf } from './values.ts';

export function expressionsOf(statements: readonly Statement[]): Expression[] {
  return statements.flatMap((statement) => new Loader().statement(statement));
}

/** Numbers as marks, states and random numbers have them: in host byte order. */
function hostNumbers(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}

class Loader {
  readonly #expressions: Expression[] = [];

  statement(statement: Statement): readonly Expression[] {
    const first = registerNumber(0);
    switch (statement.kind) {
      case 'match':
        this.#load(statement.value, 0);
        this.#compare(numbers.cmp[statement.operator], statement.operand);
        break;
      case 'network':
        this.#network(statement);
        break;
      case 'bit': {
        this.#load(statement.value, 0);
        this.#bitwise(0, [statement.bit], [0]);
        this.#compare(numbers.cmp[statement.isSet ? '!=' : '=='], new Uint8Array(4));
        break;
      }
      case 'masked': {
        const { value, mask, operator, bits } = statement;
        this.#load(value, 0);
        const attributes = { sreg: first, dreg: first, length: 1, operation: 0 };
        const [kept, xor] = [Uint8Array.of(mask), Uint8Array.of(0)];
        this.#add({
          name: 'bitwise',
          attributes: { ...attributes, mask: { value: kept }, xor: { value: xor } },
        });
        this.#compare(numbers.cmp[operator], Uint8Array.of(bits));
        break;
      }
      case 'notrack':
        this.#add({ name: 'notrack', attributes: {} });
        break;
      case 'member': {
        const { key, set, negated, guard } = statement;
        const flags = negated ? numbers.lookupInverted : 0;
        if (guard === null) this.#loadKey(key, set.interval, 0);
        else this.#loadGuarded(key, guard);
        this.#add({ name: 'lookup', attributes: { set: set.name, sreg: first, flags } });
        break;
      }
      case 'vmap': {
        const { key, through, map } = statement;
        this.#loadKey(key, (through ?? map).interval, 0);
        const sreg = through === null ? first : this.#lookupInPlace(key, through);
        this.#add({ name: 'lookup', attributes: { set: map.name, sreg, dreg: NFT_REG_VERDICT, flags: 0 } });
        break;
      }
      case 'verdict':
        this.#add({
          name: 'immediate',
          attributes: { dreg: NFT_REG_VERDICT, data: { verdict: verdictAttributesOf(statement.verdict) } },
        });
        break;
      case 'nat':
        this.#nat(statement);
        break;
      case 'masquerade': {
        const ports = this.#ports(statement.ports, 0);
        this.#add({ name: 'masq', attributes: { ...ports, flags: flagsOf(statement.flags, ports) } });
        break;
      }
      case 'reject':
        this.#reject(statement);
        break;
      case 'dynset':
        this.#dynset(statement);
        break;
      case 'affinity':
        this.#affinity(statement);
        break;
      default:
        statement satisfies never;
    }
    return this.#expressions;
  }

  /** As nft does it: of a prefix of whole bytes only these are loaded. */
  #network({ address, prefix, negated }: Extract<Statement, { kind: 'network' }>): void {
    const bytes = addressBytes(prefix.address);
    const operation = numbers.cmp[negated ? '!=' : '=='];
    const whole = prefix.length / 8;
    if (Number.isInteger(whole)) {
      this.#add(beginningOf(address, whole).expression(registerNumber(0)));
      this.#compare(operation, bytes.subarray(0, whole));
      return;
    }
    this.#load(address, 0);
    const mask = bytes.map(
      (_, index) => 0xff & ~(0xff >> Math.min(Math.max(prefix.length - 8 * index, 0), 8)),
    );
    const register = registerNumber(0);
    const attributes = { sreg: register, dreg: register, length: bytes.length, operation: 0 };
    const xor = new Uint8Array(bytes.length);
    this.#add({ name: 'bitwise', attributes: { ...attributes, mask: { value: mask }, xor: { value: xor } } });
    this.#compare(operation, bytes);
  }

  #nat({ type, family, to, operand, ports, flags }: Extract<Statement, { kind: 'nat' }>): void {
    this.#load(to, 0);
    const address = addressRegisters[family];
    const behind = paddedLengthOf(to) / 4;
    const fixed = this.#ports(ports, behind);
    const registers =
      operand === 'address'
        ? { addressMin: registerNumber(0), ...fixed }
        : operand === 'address . port'
          ? { addressMin: registerNumber(0), portMin: registerNumber(address) }
          : {
              addressMin: registerNumber(0),
              portMin: registerNumber(address),
              addressMax: registerNumber(address + 1),
              portMax: registerNumber(2 * address + 1),
            };
    const attributes = {
      type: numbers.natType[type],
      family: numbers.natFamily[family],
      ...registers,
      flags: flagsOf(flags, fixed),
    };
    this.#add({ name: 'nat', attributes });
  }

  /** Loads first and last port from this register on. */
  #ports(ports: Value | null, at: number): { portMin?: number; portMax?: number } {
    if (ports === null) return {};
    this.#load(ports, at);
    return { portMin: registerNumber(at), portMax: registerNumber(at + 1) };
  }

  #reject({ family, with: how }: Extract<Statement, { kind: 'reject' }>): void {
    // A reset has no code, the kernel does not tell of it.
    const type = numbers.reject[how === 'tcp reset' ? how : 'unreachable'];
    this.#add({
      name: 'reject',
      attributes: how === 'tcp reset' ? { type } : { type, code: unreachable[family][how] },
    });
  }

  #dynset({ operation, set, key, data, timeout }: Extract<Statement, { kind: 'dynset' }>): void {
    this.#load(key, 0);
    const behind = paddedLengthOf(key) / 4;
    if (data !== null) this.#load(data, behind);
    this.#changeSet(set, data === null ? null : registerNumber(behind), { operation, timeout });
  }

  /** The key lies in the first registers. */
  #changeSet(
    set: SetNode,
    sregData: number | null,
    { operation, timeout }: { operation: keyof typeof numbers.dynset; timeout: number | null },
  ): void {
    const attributes = {
      set: set.name,
      operation: numbers.dynset[operation],
      sregKey: registerNumber(0),
      ...(sregData === null ? {} : { sregData }),
      ...(timeout === null ? {} : { timeout: BigInt(timeout) * 1000n }),
    };
    this.#add({ name: 'dynset', attributes });
  }

  /**
   * The client lies in the first registers, the frontend behind it or as its end, the id behind that; then the endpoint. So the
   * client is a key, and the frontend with slot or id is one.
   *
   * nft takes the result of a lookup for 0 bits wide, and some of its versions (1.0.6) die where one is a part of a key. So it is
   * found two registers further on, and copied to its place together with the register before it: nft follows the first
   * register of a copy only. At the place of the id it still sees what was loaded there; the port, with which the frontend ends, is loaded anew.
   */
  #affinity(statement: Extract<Statement, { kind: 'affinity' }>): void {
    const { family, frontend, client, clients, draw, keep, set, endpoints, remember } = statement;
    this.#load(client, 0);
    let from = paddedLengthOf(client) / 4;
    if (isEndOf(frontend, client)) from -= paddedLengthOf(frontend) / 4;
    else this.#load(frontend, from);
    const place = from + paddedLengthOf(frontend) / 4;
    if (draw !== null) this.#load(draw.slot, place);
    this.#load(dport, place + 1);
    this.#lookup(draw?.ids ?? clients, draw === null ? 0 : from, place + 2);
    this.#load(ctMark, place);
    this.#bitwise(place + 1, [ALL_BITS, (keep & ~set) >>> 0], [0, set], place - 1);
    this.#load(dport, place - 1);
    const to = place + 1;
    if (endpoints !== null) this.#lookup(endpoints, from, to);
    if (remember !== null) this.#changeSet(clients, registerNumber(place), remember);
    if (endpoints === null) return;
    const attributes = {
      type: numbers.natType.dnat,
      family: numbers.natFamily[family],
      addressMin: registerNumber(to),
      portMin: registerNumber(to + addressRegisters[family]),
      flags: 0,
    };
    this.#add({ name: 'nat', attributes });
  }

  #lookup(map: SetNode, from: number, to: number): void {
    const attributes = { set: map.name, sreg: registerNumber(from), dreg: registerNumber(to), flags: 0 };
    this.#add({ name: 'lookup', attributes });
  }

  /** The value for the key in the first registers takes the place of the key's end. Gives the register of its last field. */
  #lookupInPlace(key: Value, map: SetNode): number {
    const last = paddedLengthOf(key) / 4 - 1;
    const attributes = { set: map.name, sreg: registerNumber(0), dreg: registerNumber(last - 1) };
    this.#add({ name: 'lookup', attributes: { ...attributes, flags: 0 } });
    return registerNumber(last);
  }

  /** As `load`; a number that a set of ranges compares is turned into network byte order. */
  #loadKey(key: Value, interval: boolean, at: number): void {
    this.#load(key, at);
    if (!interval || littleEndian === false) return;
    let place = at;
    for (const field of fieldsOf(key)) {
      if (isHostNumber(field)) {
        const register = registerNumber(place);
        const attributes = { sreg: register, dreg: register, operation: numbers.byteorder.hton };
        this.#add({ name: 'byteorder', attributes: { ...attributes, length: 4, size: 4 } });
      }
      place += paddedLengthOf(field) / 4;
    }
  }

  /** Loads the key into the first registers, and asks for its first field before it loads the others. */
  #loadGuarded(key: Value, guard: SetNode): void {
    const [first, ...others] = fieldsOf(key);
    if (first === undefined) throw new TypeError('a key without fields');
    this.#load(first, 0);
    this.#add({ name: 'lookup', attributes: { set: guard.name, sreg: registerNumber(0), flags: 0 } });
    this.#loadAll(others, paddedLengthOf(first) / 4);
  }

  /** Loads the value into the registers from this one on. */
  #load(value: Value, at: number): void {
    if (at + paddedLengthOf(value) / 4 > REGISTERS) throw new RangeError('a rule needs too many registers');
    const dreg = registerNumber(at);
    switch (value.kind) {
      case 'load':
        this.#add(value.expression(dreg));
        break;
      case 'jhash': {
        const { of, modulus, seed } = value;
        const length = this.#loadAll(of, at); // what is hashed lies where its hash will
        this.#add({
          name: 'hash',
          attributes: { sreg: dreg, dreg, length, modulus, seed, offset: 0, type: 0 },
        });
        break;
      }
      case 'concat':
        this.#loadAll(value.fields, at);
        break;
      case 'lookup':
        this.#loadKey(value.key, value.map.interval, at);
        this.#add({
          name: 'lookup',
          attributes: { set: value.map.name, sreg: dreg, dreg, flags: 0 },
        });
        break;
      case 'overlay': {
        const { base, end } = value;
        this.#load(base, at);
        const behind = at + paddedLengthOf(base) / 4;
        this.#loadKey(end.key, end.map.interval, behind);
        const sreg = registerNumber(behind);
        const attributes = { set: end.map.name, sreg, flags: 0 };
        const place = registerNumber(behind - paddedLengthOf(end) / 4);
        this.#add({ name: 'lookup', attributes: { ...attributes, dreg: place } });
        break;
      }
      default:
        value satisfies never;
    }
  }

  /** Loads the values one behind the other; gives the bytes that they take. */
  #loadAll(values: readonly Value[], at: number): number {
    let place = at;
    for (const value of values) {
      this.#load(value, place);
      place += paddedLengthOf(value) / 4;
    }
    return (place - at) * 4;
  }

  /** Numbers of 32 bits, in place or moved: `& mask ^ xor`. */
  #bitwise(at: number, mask: readonly number[], xor: readonly number[], to = at): void {
    const attributes = {
      sreg: registerNumber(at),
      dreg: registerNumber(to),
      length: 4 * mask.length,
      mask: { value: hostNumbers(mask) },
      xor: { value: hostNumbers(xor) },
      operation: 0,
    };
    this.#add({ name: 'bitwise', attributes });
  }

  #compare(operation: number, operand: Uint8Array): void {
    this.#add({ name: 'cmp', attributes: { sreg: registerNumber(0), operation, data: { value: operand } } });
  }

  #add(expression: Expression): void {
    this.#expressions.push(expression);
  }
}

/** ICMP_PORT_UNREACH, ICMP_PROT_UNREACH and ICMPV6_PORT_UNREACH. */
const unreachable = {
  IPv4: { unreachable: 3, 'no protocol': 2 },
  IPv6: { unreachable: 4, 'no protocol': 4 },
} as const;

const ALL_BITS = 0xffff_ffff;

/** Registers that an address takes. */
const addressRegisters = { IPv4: 1, IPv6: 4 } as const;

/** The fields of the one are the last fields of the other. */
function isEndOf(one: Value, other: Value): boolean {
  const [fields, all] = [fieldsOf(one), fieldsOf(other)];
  const before = all.length - fields.length;
  return before >= 0 && fields.every((field, index) => field === all[before + index]);
}

const littleEndian = endianness() === 'LE';

function flagsOf(flags: readonly NatFlag[], ports: { portMin?: number }): number {
  const fixed = ports.portMin === undefined ? 0 : numbers.natFlags.ports;
  return flags.reduce((sum, flag) => sum | numbers.natFlags[flag], fixed);
}

function verdictAttributesOf({ code, chain }: Verdict): { code: number; chain?: string } {
  const number = verdictNumber(code) >>> 0;
  return chain === undefined ? { code: number } : { code: number, chain };
}
