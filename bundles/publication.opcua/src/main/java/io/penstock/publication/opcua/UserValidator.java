// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Users;
import io.penstock.opcua.stack.ApplicationCertificate;
import java.net.InetAddress;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Optional;
import org.eclipse.milo.opcua.sdk.server.Session;
import org.eclipse.milo.opcua.sdk.server.identity.AbstractUsernameIdentityValidator;
import org.eclipse.milo.opcua.sdk.server.identity.DefaultUsernameIdentity;
import org.eclipse.milo.opcua.sdk.server.identity.Identity.UsernameIdentity;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.structured.SignatureData;
import org.eclipse.milo.opcua.stack.core.types.structured.UserNameIdentityToken;
import org.eclipse.milo.opcua.stack.core.types.structured.UserTokenPolicy;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks the gateway's users; who was admitted travels with the session's identity. */
final class UserValidator extends AbstractUsernameIdentityValidator {
    private static final Logger LOG = LoggerFactory.getLogger(UserValidator.class);

    private final Gateway gateway;

    /** @param revision of the user from before the password was looked at, so that a change meanwhile is not missed. */
    record Admitted(Actor actor, long revision) {}

    UserValidator(Gateway gateway) {
        this.gateway = gateway;
    }

    /** One answer for every failure, so that nobody learns from it how far a forged token came. */
    @Override
    protected UsernameIdentity validateUsernameToken(
            Session session, UserNameIdentityToken token, UserTokenPolicy policy, SignatureData signature)
            throws UaException {
        try {
            return super.validateUsernameToken(session, token, policy, signature);
        } catch (UaException | RuntimeException e) {
            LOG.debug("user token from {} refused", session.getClientAddress(), e);
            throw new UaException(StatusCodes.Bad_UserAccessDenied);
        }
    }

    @Override
    protected @Nullable UsernameIdentity authenticateUsernamePassword(Session session, String name, String password) {
        Optional<Users> users = gateway.users();
        if (users.isEmpty()) {
            LOG.warn("nobody can log in: the bundle io.penstock.access is not running");
            return null;
        }
        InetAddress address = session.getClientAddress();
        char[] secret = password.toCharArray();
        try {
            long revision = users.get().revision(name);
            Optional<Actor> actor = users.get().authenticate(name, secret, origin(address), device(session));
            if (actor.isEmpty()) {
                return null;
            }
            DefaultUsernameIdentity identity = new DefaultUsernameIdentity(name);
            identity.setUserData(new Admitted(actor.get(), revision));
            return identity;
        } finally {
            Arrays.fill(secret, '\0');
        }
    }

    /** Where a request came in, as the audit has it. */
    static String origin(@Nullable InetAddress address) {
        return "opc.ua " + (address == null ? "unknown" : address.getHostAddress());
    }

    /** The certificate that the client proved to have; whoever guesses passwords with another slows down only itself. */
    private static String device(Session session) {
        X509Certificate certificate = session.getSecurityConfiguration().getClientCertificate();
        return certificate == null ? "" : ApplicationCertificate.thumbprint(certificate);
    }

    /** Null for an anonymous session. */
    static @Nullable Admitted admitted(Session session) {
        return session.getIdentity() != null && session.getIdentity().getUserData() instanceof Admitted admitted
                ? admitted
                : null;
    }
}
