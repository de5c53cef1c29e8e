// Asks every route of the gateway by the official JavaScript client, and prints what came as one JSON text.
import OpenAI from 'openai';

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: 'user', content: 'Hello?' }];
const tools = [
  { type: 'function', function: { name: 'send', parameters: { type: 'object', properties: { to: { type: 'string' } } } } },
];
const told = {};

told.models = [];
for await (const model of client.models.list()) told.models.push(model.id);

const whole = await client.chat.completions.create({ model: 'general', messages });
told.whole = whole.choices[0].message.content;

told.streamed = '';
const stream = await client.chat.completions.create({
  model: 'general',
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const piece of stream) {
  told.streamed += piece.choices[0]?.delta.content ?? '';
  told.tokens = piece.usage?.completion_tokens ?? told.tokens;
}

const called = await client.chat.completions.stream({ model: 'general/deepseek/coder', messages, tools }).finalChatCompletion();
const call = called.choices[0].message.tool_calls[0];
told.call = [call.function.name, call.function.arguments];
const followed = await client.chat.completions.create({
  model: 'general/deepseek/coder',
  tools,
  messages: [...messages, called.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'sent' }],
});
told.followed = followed.choices[0].message.content;

const filled = await client.completions.create({ model: 'starcoder', prompt: 'def add(a, b):\n    ', suffix: '\n' });
told.filled = filled.choices[0].text;

const vectors = await client.embeddings.create({ model: 'general/nomic-embed', input: ['four', 'seven77'] });
told.vectors = vectors.data.map((row) => Array.from(row.embedding));

told.refused = await client.chat.completions.create({ model: 'nobody', messages }).catch((error) => [error.status, error.code]);

console.log(JSON.stringify(told));
