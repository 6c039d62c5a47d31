import type { Reply } from '../answers.ts';
import { isOver, whyNot, type Dialect, type Scene } from './dialect.ts';

const pending = ({ monitor }: Scene): Reply => ({ status: 202, headers: { location: monitor } });

/** The other form of Zalando's rule 253: the address of what will be, which answers 202 and nothing until it is. */
export const jobResource202: Dialect = {
  name: 'job-resource-202',
  says: 'Zalando rule 253, the other form: 202 with the Location of what will be, which answers 202 without a body until it is there',
  place: '/operations/',
  accepted: pending,
  looked: (scene) => {
    const { told } = scene;
    if (!isOver(told)) return { status: 202, headers: {} };
    return told.status === 'succeeded' ? { status: 200, body: told.result ?? {}, headers: {} } : whyNot(told);
  },
  cancel: {
    by: 'DELETE',
    answer: (scene) => (isOver(scene.told) ? { status: 204, headers: {} } : pending(scene)),
  },
};
