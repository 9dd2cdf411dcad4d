// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.api.data.StatusCode;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.nio.channels.UnresolvedAddressException;
import java.util.concurrent.TimeoutException;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.jspecify.annotations.Nullable;

/** Milo's failures in a plant engineer's words. Stateless. */
final class Reasons {
    private Reasons() {}

    static LinkException explain(Settings settings, String what, Throwable failure) {
        long status = Integer.toUnsignedLong(status(failure));
        String url = settings.endpointUrl();
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (t instanceof UnknownHostException || t instanceof UnresolvedAddressException) {
                return new LinkException(url + ": no address is known for this host; check endpointUrl", failure);
            }
            if (t instanceof ConnectException) {
                return new LinkException(
                        url + " refuses the connection; check that the server runs and listens there", failure);
            }
        }
        if (status == StatusCodes.Bad_IdentityTokenRejected
                || status == StatusCodes.Bad_IdentityTokenInvalid
                || status == StatusCodes.Bad_UserAccessDenied) {
            return new LinkException(
                    url + " refuses user '" + settings.userName() + "' (" + name(status)
                            + "); check userName and the password in " + settings.passwordFile(),
                    failure);
        }
        if (status == StatusCodes.Bad_CertificateUntrusted
                || status == StatusCodes.Bad_SecurityChecksFailed
                || status == StatusCodes.Bad_CertificateInvalid) {
            return new LinkException(
                    url + " refuses this gateway's certificate (" + name(status) + "); trust data/connector.opcua/"
                            + settings.name() + "/own/own.der at the server",
                    failure,
                    true);
        }
        String detail = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        return new LinkException(url + ": " + what + " failed: " + name(status) + " (" + detail + ")", failure);
    }

    /** The status inside a failure, BadTimeout or BadCommunicationError where it holds none. */
    static int status(@Nullable Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (t instanceof UaException coded) {
                return (int) coded.getStatusCode().value();
            }
            if (t instanceof TimeoutException) {
                return StatusCode.BAD_TIMEOUT;
            }
        }
        return StatusCode.BAD_COMMUNICATION_ERROR;
    }

    /** Whether a smaller request might have been answered. */
    static boolean tooMuch(Throwable failure) {
        long status = Integer.toUnsignedLong(status(failure));
        return status == StatusCodes.Bad_TooManyOperations
                || status == StatusCodes.Bad_RequestTooLarge
                || status == StatusCodes.Bad_ResponseTooLarge
                || status == StatusCodes.Bad_EncodingLimitsExceeded;
    }

    static String name(long status) {
        return StatusCodes.lookup(status).map(names -> names[0]).orElseGet(() -> String.format("0x%08X", status));
    }
}
