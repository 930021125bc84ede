// Passkeys. The button asks the browser for one, the answer goes into the form's field `credential`, and the form is
// sent. Where there are no passkeys the button stays hidden.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')

// WebAuthn Level 3 has this as parse...FromJSON and toJSON, which not every browser knows.
const asked = (options) => {
  const found = { ...options, challenge: bytes(options.challenge) }
  if (options.user) found.user = { ...options.user, id: bytes(options.user.id) }
  for (const list of ['allowCredentials', 'excludeCredentials']) {
    if (options[list]) found[list] = options[list].map((one) => ({ ...one, id: bytes(one.id) }))
  }
  return found
}

const answer = (credential) => {
  const response = {}
  for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (credential.response[name]) response[name] = text(credential.response[name])
  }
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response })
}

const form = document.getElementById('passkey')

if (form && window.PublicKeyCredential) {
  const button = document.getElementById('passkey-press')
  const failed = document.getElementById('passkey-failed')
  for (const notice of document.querySelectorAll('[data-no-passkeys]')) notice.hidden = true
  button.hidden = false
  button.addEventListener('click', async () => {
    failed.hidden = true
    button.disabled = true
    try {
      const publicKey = asked(JSON.parse(form.dataset.options))
      const credential = await navigator.credentials[form.dataset.passkey]({ publicKey })
      form.elements.credential.value = answer(credential)
      form.requestSubmit()
    } catch {
      // Cancelled, timed out, or none that fits: the browser has told the user.
      failed.hidden = false
    }
    button.disabled = false
  })
}
