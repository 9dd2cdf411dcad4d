// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Role;
import io.penstock.api.audit.AuditRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Had one of these failed, somebody could let people or machines in, and out again, without anybody being able to tell. */
class AccessWatchTest {
    private static final char[] PASSWORD = "a long password".toCharArray();

    @TempDir
    Path home;

    private final List<AuditRecord> records = new ArrayList<>();

    private AccessWatch watch() {
        AccessWatch watch = new AccessWatch(home, Clock.systemUTC());
        watch.bindAuditLog(new FakeAudit(records));
        return watch;
    }

    private UserFile users() throws IOException {
        Files.createDirectories(UserFile.in(home).getParent());
        return new UserFile(UserFile.in(home), new SecureRandom());
    }

    private List<String> told() {
        List<String> told = records.stream()
                .map(r -> r.actor() + "/" + r.origin() + " " + r.action() + " " + r.subject() + ": " + r.detail())
                .toList();
        records.clear();
        return told;
    }

    private void put(String path, String content) throws IOException {
        Path file = home.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }

    @Test
    void everyChangeOfAUserIsToldByWhomeverAndHowever() throws IOException {
        AccessWatch watch = watch();
        UserFile users = users();
        watch.look();
        assertTrue(told().get(0).contains("looked at for the first time: 0 users"));
        users.add("anna", Set.of(Role.OPERATOR), PASSWORD);
        watch.look();
        assertEquals(List.of("unknown/file system USER anna: added with OPERATOR"), told());
        String me = System.getProperty("user.name");
        new ChangeNotes(home).add("user anna");
        users.password("anna", "another password".toCharArray());
        watch.look();
        List<String> told = told();
        assertEquals(1, told.size());
        assertTrue(told.get(0).startsWith(me), told.get(0));
        assertTrue(told.get(0).endsWith("/cli USER anna: password changed"), told.get(0));
        users.remove("anna");
        users.add("anna", Set.of(Role.OPERATOR, Role.SECURITY_ADMIN), PASSWORD);
        watch.look();
        assertEquals(
                List.of("unknown/file system USER anna: roles OPERATOR to OPERATOR,SECURITY_ADMIN, password changed"),
                told());
        users.remove("anna");
        watch.look();
        assertEquals(List.of("unknown/file system USER anna: removed, had OPERATOR,SECURITY_ADMIN"), told());
        watch.look();
        assertEquals(List.of(), told());
    }

    // While the gateway is down nobody looks; at its start it would have taken the new user for an old one.
    @Test
    void whatChangedWhileTheGatewayWasDownIsToldAtItsStart() throws IOException {
        UserFile users = users();
        users.add("anna", Set.of(Role.OPERATOR), PASSWORD);
        watch().look();
        told();
        watch().look();
        assertEquals(List.of(), told(), "nothing changed");
        users.add("eve", Set.of(Role.SECURITY_ADMIN), PASSWORD);
        put("etc/trust/models/eve.pem", "hers");
        AccessWatch next = watch();
        next.look();
        List<String> told = told();
        assertEquals(2, told.size(), told.toString());
        assertTrue(told.get(0).contains("TRUST etc/trust/models/eve.pem: signer trusted: added"), told.get(0));
        assertTrue(told.get(1).contains("USER eve: added with SECURITY_ADMIN"), told.get(1));
    }

    @Test
    void everyChangeOfTrustIsTold() throws IOException {
        AccessWatch watch = watch();
        put("data/publication.opcua/pki/rejected/certs/ab.der", "client");
        put("data/connector.opcua/plant/trusted/server.der", "server");
        put("data/publication.opcua/pki/own/key.pem", "secret");
        watch.look();
        told();
        Path trusted = home.resolve("data/publication.opcua/pki/trusted/certs");
        Files.createDirectories(trusted);
        new ChangeNotes(home).add("ab.der");
        Files.move(home.resolve("data/publication.opcua/pki/rejected/certs/ab.der"), trusted.resolve("ab.der"));
        watch.look();
        List<String> told = told();
        assertEquals(2, told.size(), told.toString());
        assertTrue(
                told.get(0)
                        .contains(
                                "OPC UA client turned away: removed, now data/publication.opcua/pki/trusted/certs/ab.der"),
                told.get(0));
        assertTrue(
                told.get(1)
                        .contains(
                                "/cli TRUST data/publication.opcua/pki/trusted/certs/ab.der: OPC UA client trusted: added, was "),
                told.get(1));
        put("data/connector.opcua/plant/trusted/server.der", "another");
        put("data/publication.opcua/pki/own/key.pem", "another secret");
        Files.delete(trusted.resolve("ab.der"));
        watch.look();
        told = told();
        assertEquals(2, told.size(), "no key is looked at: " + told);
        assertTrue(told.get(0).contains("OPC UA server trusted: changed, SHA-256 was "), told.get(0));
        assertTrue(told.get(1).contains("OPC UA client trusted: removed"), told.get(1));
    }

    // While the log takes nothing, a change would be forgotten instead of told later.
    @Test
    void withoutALogItWaits() throws IOException {
        watch().look();
        told();
        users().add("anna", Set.of(Role.OPERATOR), PASSWORD);
        AccessWatch alone = new AccessWatch(home, Clock.systemUTC());
        alone.look();
        alone.bindAuditLog(new FakeAudit(records));
        alone.look();
        assertEquals(1, told().size());
        assertFalse(Files.exists(home.resolve("data/access/seen.tmp")));
    }

    // Whoever had the answer believes that the change can be proven; a death right after it would have left nothing.
    @Test
    void whoChangesWaitsUntilItIsRecorded() throws Exception {
        FakeAudit audit = new FakeAudit(records);
        AccessWatch watch = new AccessWatch(home, Clock.systemUTC());
        ChangeNotes cli = new ChangeNotes(home);
        UserFile users = users();
        watch.bindAuditLog(audit);
        watch.look();
        told();
        for (boolean lookBetween : List.of(false, true)) {
            String name = lookBetween ? "eve" : "anna";
            watch.unbindAuditLog(audit);
            cli.add("user " + name);
            users.add(name, Set.of(Role.OPERATOR), PASSWORD);
            if (lookBetween) { // one that saw the note and the change, and could not record it
                watch.bindAuditLog(new FakeAudit(records) {
                    @Override
                    public boolean commit(AuditRecord entry, long timeoutMs) {
                        return false;
                    }
                });
                watch.look();
            }
            assertFalse(cli.awaitRecorded(50), "the log takes nothing");
            watch.bindAuditLog(audit);
            watch.look();
            assertFalse(Files.exists(home.resolve("data/access/notes.taken")), "who waits may go on");
            assertFalse(Files.exists(home.resolve("data/access/notes")), "who waits may go on");
            List<String> told = told();
            assertEquals(1, told.size(), told.toString());
            assertTrue(told.get(0).endsWith("/cli USER " + name + ": added with OPERATOR"), told.get(0));
        }
    }

    // On a full disk, or without rights to the folder, "the audit has it" would be said of what nobody recorded.
    @Test
    void whereNoMarkCanBeLeftNothingIsClaimed() throws Exception {
        ChangeNotes nowhere = new ChangeNotes(home.resolve("none"));
        assertFalse(nowhere.awaitRecorded(1_000), "there is no folder");
        Files.createDirectories(home.resolve("data/access/notes"));
        assertFalse(new ChangeNotes(home).awaitRecorded(1_000), "something else stands in its place");
        Files.delete(home.resolve("data/access/notes"));
        Files.write(home.resolve("data/access/notes"), new byte[(1 << 20) + 1]);
        assertFalse(new ChangeNotes(home).awaitRecorded(1_000), "nobody takes the notes away");
    }

    // Two changes of one user within a minute would have become one count, and the first password change invisible.
    @Test
    void everyChangeHasARecordOfItsOwn() throws Exception {
        List<String> tallied = new ArrayList<>();
        AccessWatch watch = new AccessWatch(home, Clock.systemUTC());
        watch.bindAuditLog(new FakeAudit(records) {
            @Override
            public void tally(AuditRecord entry) {
                tallied.add(entry.subject());
            }
        });
        UserFile users = users();
        watch.look();
        for (int change = 0; change < 5; change++) {
            if (change % 2 == 0) {
                users.add("anna", Set.of(Role.OPERATOR), PASSWORD);
            } else {
                users.remove("anna");
            }
            put("etc/trust/models/signer.pem", "generation " + change);
            put("data/publication.opcua/pki/rejected/certs/stranger.der", "generation " + change);
            watch.look();
        }
        assertEquals(5, records.stream().filter(r -> r.action().equals("USER")).count());
        assertEquals(5, records.stream().filter(r -> r.action().equals("TRUST")).count());
        assertEquals(5, tallied.size(), "strangers are counted");
    }
}
