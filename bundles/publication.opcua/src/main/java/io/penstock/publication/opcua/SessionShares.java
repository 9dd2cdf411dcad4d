// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Who may have a session: places per user and per address, and places in reserve. Where they are short, a session whose
 * connection is gone makes room; one that is alive is never ended for another. Operators are counted apart from the others, so
 * that nobody who only reads keeps them out from where they work. Thread-safe.
 *
 * @param <S> what stands for a session.
 */
final class SessionShares<S> {
    private final int most;
    private final Shares shares;
    private final List<Place<S>> places = new ArrayList<>();

    /** @param alive whether its connection is still there. */
    record Place<S>(S session, String user, Origin origin, boolean operator, boolean local, BooleanSupplier alive) {}

    /**
     * @param refusal why there is no place; null if it was taken.
     * @param ended whose place it took; the caller ends that session.
     */
    record Taken<S>(@Nullable String refusal, @Nullable S ended) {}

    SessionShares(int most, Shares shares) {
        this.most = most;
        this.shares = shares;
    }

    synchronized Taken<S> take(Place<S> wanted) {
        Predicate<Place<S>> sameKind = place -> place.operator() == wanted.operator();
        Predicate<Place<S>> sameUser = sameKind.and(place -> place.user().equals(wanted.user()));
        Predicate<Place<S>> sameOrigin = sameKind.and(place -> place.origin().equals(wanted.origin()));
        int open = open(wanted);
        Predicate<Place<S>> crowd;
        String refusal;
        if (count(sameUser) >= shares.sessionsPerUser()) {
            crowd = sameUser;
            refusal = "user " + wanted.user() + " has " + shares.sessionsPerUser()
                    + " sessions (maxSessionsPerUser), all of them connected";
        } else if (count(sameOrigin) >= shares.sessionsPerAddress()) {
            crowd = sameOrigin;
            refusal = wanted.origin() + " has " + shares.sessionsPerAddress()
                    + " sessions (maxSessionsPerAddress), all of them connected";
        } else if (places.size() >= open) {
            crowd = place -> true;
            refusal = "there are " + places.size() + " sessions, of " + most + " (maxSessions), "
                    + shares.reservedSessions()
                    + " of which are kept for OPERATOR, ENGINEER and SUPERVISOR (reservedSessions)";
        } else {
            places.add(wanted);
            return new Taken<>(null, null);
        }
        // the places are in the order in which they were taken
        Optional<Place<S>> gone = places.stream()
                .filter(crowd.and(place -> !place.alive().getAsBoolean()))
                .min(Comparator.comparing(Place::operator));
        if (gone.isEmpty()) {
            return new Taken<>(refusal, null);
        }
        places.remove(gone.get());
        places.add(wanted);
        return new Taken<>(null, gone.get().session());
    }

    /** Gives a place back; false if it has none. */
    synchronized boolean leave(S session) {
        return places.removeIf(place -> place.session().equals(session));
    }

    synchronized Optional<Place<S>> of(S session) {
        return places.stream().filter(place -> place.session().equals(session)).findFirst();
    }

    synchronized int size() {
        return places.size();
    }

    /** How many places may be taken, by all together, when this one asks. */
    private int open(Place<S> wanted) {
        if (wanted.operator()) {
            return most;
        }
        return most - (wanted.local() ? shares.reservedSessions() / 2 : shares.reservedSessions());
    }

    private long count(Predicate<Place<S>> which) {
        return places.stream().filter(which).count();
    }
}
