import { expect, test } from 'vitest';
import { notificationOptions, readPush } from '../src/lib/alarm/notification.ts';

const TEXTS = {
  en: { 'worker.take': 'I take it', 'worker.unread': 'Open the app' },
  'zh-CN': { 'worker.take': '我来处理', 'worker.unread': '请打开应用' }
};
const message = {
  web_push: 8030,
  notification: {
    title: 'Demand: 4,562 kW in 15 min',
    body: 'Shed 152 kW: stop furnace 2.',
    navigate: '/alarms/alm_1',
    lang: 'zh-CN',
    tag: 'alarm-alm_1',
    app_badge: 3,
    data: { project: 'demo', alarm: 'alm_1' }
  },
  mutable: true
};

test('a declarative message becomes a notification with the action in its own language', () => {
  const content = readPush(message, 'en', TEXTS);
  expect(content).toEqual({
    title: 'Demand: 4,562 kW in 15 min',
    body: 'Shed 152 kW: stop furnace 2.',
    navigate: '/alarms/alm_1',
    tag: 'alarm-alm_1',
    lang: 'zh-CN',
    badge: 3,
    project: 'demo',
    alarm: 'alm_1',
    take: '我来处理'
  });
  expect(notificationOptions(content)).toMatchObject({
    tag: 'alarm-alm_1',
    actions: [{ action: 'acknowledge', title: '我来处理' }],
    data: { navigate: '/alarms/alm_1', project: 'demo', alarm: 'alm_1' }
  });
});

test('the server’s label of the action wins', () => {
  const data = { ...message.notification.data, actions: [{ title: 'Mine' }] };
  const labelled = { notification: { ...message.notification, data } };
  expect(readPush(labelled, 'en', TEXTS).take).toBe('Mine');
});

test('a message that cannot be read still says something, and offers nothing to take', () => {
  const content = readPush(undefined, 'en', TEXTS);
  expect([content.title, content.body, content.take, content.badge]).toEqual([
    'Kilowise',
    'Open the app',
    null,
    null
  ]);
});

test('only paths of this app are opened', () => {
  const elsewhere = { notification: { navigate: 'https://evil.example/alarms' } };
  expect(readPush(elsewhere, 'en', TEXTS).navigate).toBe('/alarms');
});
