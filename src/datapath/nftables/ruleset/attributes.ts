/** Chains and sets with the attributes that the kernel gets, and tells of. */
import { setFlags } from '../../../wire/nftables/declarations.ts';
import type { ChainNode, RuleNode, SetNode } from './nodes.ts';
import { commentUserdata, setUserdata } from './userdata.ts';
import { dataLengthOf, dataTypeOf, fieldsOf, lengthOf, VERDICT_TYPE } from './values.ts';

/** NF_ACCEPT and the hooks, of include/uapi/linux/netfilter.h. */
const NF_ACCEPT = 1;
const hooks = { prerouting: 0, output: 3, postrouting: 4 } as const;

export function ruleUserdata({ comment }: Pick<RuleNode, 'comment'>): { userdata?: Uint8Array } {
  return comment === null ? {} : { userdata: commentUserdata(comment) };
}

export function chainAttributesOf({ base, comment }: ChainNode) {
  const hooked =
    base === null
      ? {}
      : {
          hook: { hook: hooks[base.hook], priority: base.priority },
          type: base.type,
          policy: NF_ACCEPT,
        };
  return { ...hooked, ...ruleUserdata({ comment }) };
}

export function setAttributesOf(set: SetNode) {
  const { key, data, interval, dynamicSize } = set;
  const isRanges = interval && key.kind === 'concat';
  const flags =
    (interval ? setFlags.NFT_SET_INTERVAL : 0) |
    (isRanges ? setFlags.NFT_SET_CONCAT : 0) |
    (data === null ? 0 : setFlags.NFT_SET_MAP) |
    (dynamicSize === null ? 0 : setFlags.NFT_SET_TIMEOUT | setFlags.NFT_SET_EVAL);
  const fields = isRanges ? fieldsOf(key).map((field) => ({ length: lengthOf(field) })) : undefined;
  const description = {
    ...(dynamicSize === null ? {} : { size: dynamicSize }),
    ...(fields === undefined ? {} : { fields }),
  };
  return {
    flags,
    keyType: dataTypeOf(key),
    keyLength: lengthOf(key),
    ...(data === null
      ? {}
      : { dataType: data === 'verdict' ? VERDICT_TYPE : dataTypeOf(data), dataLength: dataLengthOf(set) }),
    ...(Object.keys(description).length === 0 ? {} : { description }),
    userdata: setUserdata(set),
  };
}
