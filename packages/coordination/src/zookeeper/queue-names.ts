/** A candidate's node: `<ticket>-candidate-<sequence>`; the sequence is the server's, the ticket the candidate's own. */
export interface QueueName {
  readonly name: string;
  readonly ticket: string;
  readonly sequence: number;
}

/** Ten digits, or a minus and ten once the server's counter has run over (2^31 candidates). */
const PATTERN = /^(.+)-candidate-(-?\d{10})$/;

export const queueNamePrefix = (ticket: string): string => `${ticket}-candidate-`;

/** The candidates among the children of a queue, first in line first. */
export function inOrder(children: readonly string[]): QueueName[] {
  return children
    .flatMap((name) => {
      const [, ticket, sequence] = PATTERN.exec(name) ?? [];
      return ticket === undefined || sequence === undefined ? [] : [{ name, ticket, sequence: Number(sequence) }];
    })
    .sort((a, b) => a.sequence - b.sequence);
}

/** The names ahead of one, nearest last. All of them when it is not there itself. */
export function aheadOf(queue: readonly QueueName[], name: string): readonly QueueName[] {
  const index = queue.findIndex((entry) => entry.name === name);
  return index === -1 ? queue : queue.slice(0, index);
}
