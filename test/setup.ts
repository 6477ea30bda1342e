import fc from 'fast-check';

/**
 * Property tests draw the same cases in every run, so that a run can be repeated. `KNAT_SEED=random` draws others,
 * `KNAT_SEED=NUMBER` those of a report; `make soak` looks for new ones for as long as one likes.
 */
const wanted = process.env.KNAT_SEED ?? '20261121';
if (wanted !== 'random') fc.configureGlobal({ seed: Number(wanted) });
