// Makes a passkey when its button is pressed, and sends what the browser answered with the form around it.
const form = document.getElementById('passkey-form')
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')

const make = async () => {
  const options = JSON.parse(form.dataset.options)
  options.challenge = bytes(options.challenge)
  options.user.id = bytes(options.user.id)
  options.excludeCredentials = (options.excludeCredentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }))
  const made = await navigator.credentials.create({ publicKey: options })
  return JSON.stringify({
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    response: {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  })
}

if (window.PublicKeyCredential) {
  document.getElementById('passkey-possible').hidden = false
  document.getElementById('passkey-impossible').hidden = true
}

form.addEventListener('submit', async (event) => {
  if (event.submitter?.value === 'cancel' || form.elements.credential.value) return
  event.preventDefault()
  event.stopImmediatePropagation()
  const failed = document.getElementById('passkey-failed')
  failed.hidden = true
  try {
    form.elements.credential.value = await make()
    form.requestSubmit(event.submitter)
  } catch (problem) {
    // Cancelled, timed out, or this device has one already: the person can try again.
    failed.hidden = false
    failed.focus()
  }
})
