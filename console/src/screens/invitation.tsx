// A registration that waits for its phone: the QR code, and how long it holds.

import { path, send, type Registration } from "../api";
import { t } from "../en";
import { Countdown } from "../time";
import { Card, Copy, Fault, Skeleton, useLoaded } from "../ui";

export function QrCode({ address, label, cacheKey }: { address: string; label: string; cacheKey: string }) {
    const picture = useLoaded(cacheKey, async ({ signal }) =>
        (await send("GET", address, undefined, { signal, quiet: true })).text(),
    );
    if (picture.fault !== undefined) return <Fault of={picture.fault} again={() => void picture.reload()} />;
    if (!picture.value) return <Skeleton rows={3} />;
    return <img class="qr" alt={label} src={`data:image/svg+xml,${encodeURIComponent(picture.value)}`} />;
}

export function Invitation({ of }: { of: Registration }) {
    const id = of.registrationId;
    return (
        <Card title={t.invitation.title}>
            <div class="invitation">
                <QrCode
                    address={path`/v2/registrations/${id}/activation-qr`}
                    label={t.invitation.picture}
                    cacheKey={id}
                />
                <div>
                    <p>{t.invitation.text}</p>
                    <p class="code">
                        <code>{of.activationCode}</code>
                        <Copy text={of.activationCode ?? ""} />
                    </p>
                    {of.timestampRegistrationExpire && (
                        <p>
                            {t.invitation.ends} <Countdown until={of.timestampRegistrationExpire} />
                        </p>
                    )}
                    <p class="waiting-phone" role="status">
                        <i aria-hidden="true" />
                        {t.invitation.waiting}
                    </p>
                </div>
            </div>
        </Card>
    );
}
