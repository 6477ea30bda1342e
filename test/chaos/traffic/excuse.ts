/**
 * `none`: every new connection is answered by the right one, who sees the right source. `lost`: it may get no answer, but
 * never a wrong one. `anything`: the rules were taken away by somebody else, so also untranslated packets may arrive.
 */
export type Excuse = 'none' | 'lost' | 'anything';
