/* A form marked data-passkey asks the browser for a passkey and sends the answer as one of its fields.
   Without this script, or where no passkeys are known, such forms stay hidden: everything works without them. */
"use strict";

(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const WHY = { AbortError: "cancelled", NotAllowedError: "cancelled", InvalidStateError: "known" };

  async function made(options) {
    const user = { ...options.user, id: bytes(options.user.id) };
    const publicKey = { ...options, user, excludeCredentials: named(options.excludeCredentials) };
    const passkey = await navigator.credentials.create({ publicKey });
    const transports = passkey.response.getTransports ? passkey.response.getTransports() : [];
    return [passkey, { attestationObject: text(passkey.response.attestationObject), transports }];
  }

  async function answered(options) {
    const publicKey = { ...options, allowCredentials: named(options.allowCredentials) };
    const passkey = await navigator.credentials.get({ publicKey });
    const { authenticatorData, signature, userHandle } = passkey.response;
    return [
      passkey,
      { authenticatorData: text(authenticatorData), signature: text(signature), userHandle: userHandle && text(userHandle) },
    ];
  }

  async function ask(form) {
    const options = JSON.parse(form.dataset.options);
    options.challenge = bytes(options.challenge);
    const [passkey, response] = await (form.dataset.passkey === "make" ? made : answered)(options);
    response.clientDataJSON = text(passkey.response.clientDataJSON);
    return JSON.stringify({ id: passkey.id, rawId: text(passkey.rawId), type: passkey.type, response });
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const said = form.querySelector("[data-said]");
    let isAsking = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (isAsking) return;
      const isEmpty = [...form.elements].some((one) => one.required && !one.value.trim());
      if (isEmpty) return form.submit(); // the portal says what is missing, before a device makes anything
      isAsking = true;
      said.textContent = "";
      try {
        form.elements.passkey_answer.value = await ask(form);
        form.submit();
      } catch (error) {
        said.textContent = said.dataset[WHY[error.name] || "otherwise"];
      }
      isAsking = false;
    });
  }
  for (const one of document.querySelectorAll("[data-with-passkeys]")) one.hidden = false;
  for (const one of document.querySelectorAll("[data-without-passkeys]")) one.hidden = true;
})();
