// Auth0's own library for Node.js: its management client, and the authentication client that it ships as `auth0/legacy`.
import { ManagementClient } from 'auth0'
import { AuthenticationClient } from 'auth0/legacy'
import { play, settings, visit } from './talk.mjs'

const { domain, secret, private_key, redirect_uri, scope } = settings
const management = new ManagementClient({ domain, clientId: 'manager', clientSecret: secret })
const asked = { response_type: 'code', redirect_uri, scope, state: 'a-state', nonce: 'a-nonce' }
const push = async (clientId, credentials) => {
  const { oauth } = new AuthenticationClient({ domain, clientId, ...credentials })
  return (await oauth.pushedAuthorization({ ...asked, client_id: clientId })).data
}
const why = (promise) =>
  promise.then(
    () => null,
    ({ statusCode, error, body }) => ({ status: statusCode, error: error ?? body?.error }),
  )

const credentials = {
  web: { clientSecret: secret },
  'web-jwt': { clientAssertionSigningKey: private_key },
}

// The whole life of a client, and the tenant's switch.
async function manage() {
  const made = await management.clients.create({ name: 'My App', callbacks: [redirect_uri], app_type: 'regular_web' })
  const id = made.client_id
  const listed = []
  for await (const client of await management.clients.list({ per_page: 2 })) listed.push(client.client_id)
  const read = await management.clients.get(id)

  await management.tenants.settings.update({ pushed_authorization_requests_supported: false })
  const off = await management.tenants.settings.get()
  const refused = [
    await why(management.clients.update(id, { require_pushed_authorization_requests: true })),
    await why(push('web', credentials.web)),
  ]
  const on = await management.tenants.settings.update({ pushed_authorization_requests_supported: true })
  const changed = await management.clients.update(id, {
    require_pushed_authorization_requests: true,
    par_request_expiry: 30,
  })
  const rotated = await management.clients.rotateSecret(id)
  const pushed = await push(id, { clientSecret: rotated.client_secret })
  refused.push(await why(push(id, { clientSecret: made.client_secret })))
  await management.clients.delete(id)
  refused.push(await why(management.clients.get(id)))
  return {
    made, listed, read, changed, refused, pushed,
    rotated: rotated.client_secret !== made.client_secret,
    supported: [off.pushed_authorization_requests_supported, on.pushed_authorization_requests_supported],
  }
}

// Push, sign in, exchange: the library checks the ID Token, its issuer, audience and nonce.
async function signIn(clientId) {
  const { oauth } = new AuthenticationClient({ domain, clientId, ...credentials[clientId] })
  const audience = `https://${domain}/api/v2/`
  const machine = new AuthenticationClient({
    domain,
    clientId: clientId.replace('web', 'manager'),
    ...credentials[clientId],
  })
  const token = (await machine.oauth.clientCredentialsGrant({ audience })).data
  const withToken = new ManagementClient({ domain, token: token.access_token })
  await withToken.tenants.settings.update({ pushed_authorization_requests_supported: true })

  const pushed = await push(clientId, credentials[clientId])
  const query = new URLSearchParams({ client_id: clientId, request_uri: pushed.request_uri })
  const landed = await visit(new URL(`https://${domain}/authorize?${query}`))
  const code = landed.searchParams.get('code')
  const options = { idTokenValidateOptions: { nonce: 'a-nonce' } }
  const tokens = (await oauth.authorizationCodeGrant({ code, redirect_uri }, options)).data
  const { refresh_token } = tokens
  const refreshed = (await oauth.refreshTokenGrant({ refresh_token })).data
  await oauth.revokeRefreshToken({ token: refresh_token })
  return {
    pushed,
    token_type: token.token_type,
    state: landed.searchParams.get('state'),
    tokens: Object.keys(tokens),
    refreshed: Object.keys(refreshed),
    revoked: await why(oauth.refreshTokenGrant({ refresh_token })),
  }
}

await play(() => (settings.client_id ? signIn(settings.client_id) : manage()))
