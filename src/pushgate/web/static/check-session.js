// Answers other sites that ask whether the session is the same (OpenID Connect Session Management 3.3).
// The name of the cookie is on the script's own page; a browser that hides the cookie here is answered "error".
const name = document.documentElement.dataset.cookie
const state = () => document.cookie.split('; ').find((c) => c.startsWith(`${name}=`))?.slice(name.length + 1)
const digest = async (text) => {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}
const answer = async (message, origin) => {
  const [client, known, more] = typeof message === 'string' ? message.split(' ') : []
  const salt = known?.split('.')[1]
  const now = state()
  if (!salt || more !== undefined || now === undefined) return 'error'
  return `${await digest(`${client} ${origin} ${now} ${salt}`)}.${salt}` === known ? 'unchanged' : 'changed'
}
addEventListener('message', async (event) => {
  if (event.source && event.source !== window) event.source.postMessage(await answer(event.data, event.origin), event.origin)
})
