// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.audit.AuditTrail;
import io.penstock.api.configuration.ConfigurationCheck;
import io.penstock.api.memory.MemoryBudget;
import io.penstock.configuration.Uniqueness.Claim;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.util.Collections;
import java.util.Dictionary;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Hashtable;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.felix.fileinstall.ArtifactInstaller;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.osgi.service.metatype.MetaTypeService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands {@code etc/<PID>.cfg.json} and {@code etc/<factory PID>~<name>.cfg.json} to Configuration Admin. A file is taken
 * whole or not at all: it must parse, every key must be known and of its type, and the component's own check must pass;
 * otherwise the last good configuration keeps running. A changed tag list counts as a change of every file that names it.
 *
 * <p>Called by File Install's thread.
 */
@Component(service = ArtifactInstaller.class, immediate = true)
public final class ConfigurationFiles implements ArtifactInstaller {
    static final String FILE = "penstock.file";
    static final String TAGS_DIGEST = "tagsDigest";
    private static final Logger LOG = LoggerFactory.getLogger(ConfigurationFiles.class);
    private static final String CONFIGURATION = ".cfg.json";
    private static final String TAG_LIST = ".csv";
    private static final long LARGEST_BYTES = 1L << 20;
    private static final String CONNECTORS = "io.penstock.connector.";

    private final BundleContext context;
    private final ConfigurationAdmin admin;
    private final MetaTypeService metatypes;
    private final TagLists tagLists;
    private final Path etc;
    private final List<ConfigurationCheck> checks = new CopyOnWriteArrayList<>();
    private final Map<String, File> files = new ConcurrentHashMap<>();
    private final Map<String, String> refusals = new ConcurrentHashMap<>();
    private final Uniqueness uniqueness = new Uniqueness();
    private final AuditTrail trail = new AuditTrail("configuration", Clock.systemUTC());
    private final Path takenTags;

    @Activate
    public ConfigurationFiles(
            BundleContext context, @Reference ConfigurationAdmin admin, @Reference MetaTypeService metatypes) {
        this.context = context;
        this.admin = admin;
        this.metatypes = metatypes;
        etc = Home.of(context).resolve("etc");
        tagLists = new TagLists(etc.resolve("tags"), MemoryBudget.ofThisProcess());
        takenTags = Home.of(context).resolve("data").resolve("configuration");
    }

    @Reference(policy = ReferencePolicy.DYNAMIC, cardinality = ReferenceCardinality.MULTIPLE)
    void bindCheck(ConfigurationCheck check) {
        checks.add(check);
    }

    void unbindCheck(ConfigurationCheck check) {
        checks.remove(check);
    }

    @Reference(
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            cardinality = ReferenceCardinality.OPTIONAL)
    void bindAuditLog(AuditLog log) {
        trail.set(log);
    }

    void unbindAuditLog(AuditLog log) {
        trail.unset(log);
    }

    /** Configurations whose file was removed while the gateway was down must not come back. */
    @Activate
    void forgetRemovedFiles() throws IOException, InvalidSyntaxException {
        Configuration @Nullable [] all = admin.listConfigurations("(" + FILE + "=*)");
        for (Configuration configuration : all == null ? new Configuration[0] : all) {
            String name = String.valueOf(configuration.getProperties().get(FILE));
            if (!Files.exists(etc.resolve(name))) {
                record(
                        name,
                        "removed while the gateway was down; its component stays off; it was "
                                + Changes.values(known(configuration.getProperties())));
                configuration.delete();
            }
        }
    }

    @Override
    public boolean canHandle(File file) {
        return true; // the filter of File Install lets nothing else through, and nobody else shall take it
    }

    @Override
    public void install(File file) {
        if (file.getName().endsWith(TAG_LIST)) {
            files.values().stream().sorted().forEach(this::take);
        } else if (!file.getName().endsWith(CONFIGURATION)) {
            LOG.warn(
                    "{} is not read: the name of a configuration file ends in {}; rename it, or move it elsewhere",
                    file.getName(),
                    CONFIGURATION);
        } else if (!in(etc, file)) {
            LOG.warn("{} is not read: configuration files lie in {}; move it there", file, etc);
        } else {
            files.put(file.getName(), file);
            take(file);
        }
        takeRefused();
    }

    /** File Install resolves links in what it names; the home, or its etc, may be one. */
    static boolean in(Path directory, File file) {
        Path parent = file.toPath().toAbsolutePath().normalize().getParent();
        try {
            return parent != null && Files.isSameFile(directory, parent);
        } catch (IOException e) {
            return directory.equals(parent); // the folder went with the file
        }
    }

    /** What a refused file stood in the way of may be gone with the change of another. */
    private void takeRefused() {
        files.values().stream()
                .sorted()
                .filter(file -> file.exists() && refusals.containsKey(file.getName()))
                .forEach(this::take);
    }

    @Override
    public void update(File file) {
        install(file);
    }

    @Override
    public void uninstall(File file) throws Exception {
        if (file.getName().endsWith(CONFIGURATION) && in(etc, file)) {
            files.remove(file.getName());
            refusals.remove(file.getName());
            uniqueness.forget(file.getName());
            Configuration inForce = inForce(file);
            if (inForce == null) {
                record(file.getName(), "removed; it was not in force");
            } else {
                String was = Changes.values(known(inForce.getProperties()));
                inForce.delete();
                record(file.getName(), "removed; its component stops; it was " + was);
            }
            takeRefused();
        }
    }

    private void take(File file) {
        try {
            String text = text(file);
            Map<String, Object> properties = JsonFile.parse(text);
            Map<String, Object> checked = check(file, properties);
            Hashtable<String, Object> dictionary = new Hashtable<>(checked);
            dictionary.put(FILE, file.getName());
            if (checked.get("tags") instanceof String list) {
                dictionary.put(
                        TAGS_DIGEST,
                        digest(Files.readAllBytes(etc.resolve("tags").resolve(list))));
            }
            Set<Claim> claims = claims(file, checked);
            uniqueness.check(file.getName(), claims);
            Configuration inForce = configuration(file);
            Map<String, Object> before = known(inForce.getProperties());
            boolean changed = inForce.updateIfDifferent(dictionary);
            uniqueness.take(file.getName(), claims);
            boolean refusedBefore = refusals.remove(file.getName()) != null;
            if (changed) {
                record(file.getName(), "taken, " + source(file, text) + "; " + changes(file, before, checked));
            } else if (refusedBefore) {
                record(file.getName(), "corrected, " + source(file, text) + "; it is what runs already");
            }
        } catch (IOException e) {
            refuse(file, e + "; free disk space or give the gateway the right, then touch the file");
        } catch (IllegalArgumentException e) {
            refuse(file, e.getMessage() == null ? e.toString() : e.getMessage());
        } catch (RuntimeException e) {
            LOG.debug("{}", file, e);
            refuse(file, e + ", a defect of the gateway");
        }
    }

    /** Keys and values of a configuration in force, without those that others add. */
    private static Map<String, Object> known(@Nullable Dictionary<String, Object> properties) {
        Map<String, Object> known = new HashMap<>();
        if (properties != null) {
            Collections.list(properties.keys()).forEach(key -> known.put(key, properties.get(key)));
        }
        known.keySet()
                .removeIf(key -> key.equals(FILE)
                        || key.equals(TAGS_DIGEST)
                        || key.equals("felix.fileinstall.filename")
                        || key.startsWith("service."));
        return known;
    }

    private static String source(File file, String text) {
        String owner;
        try {
            owner = Files.getOwner(file.toPath()).getName();
        } catch (IOException | UnsupportedOperationException e) {
            owner = "unknown";
        }
        return "SHA-256 " + digest(text.getBytes(StandardCharsets.UTF_8)) + ", file of " + owner;
    }

    private String changes(File file, Map<String, Object> before, Map<String, Object> now) {
        String keys = Changes.ofKeys(before, now);
        return now.get("tags") instanceof String list
                ? keys + (keys.isEmpty() ? "" : "; ") + tagChanges(file, list)
                : keys;
    }

    /** The list that was taken last is kept, so that what changed can be told after a restart too. */
    private String tagChanges(File file, String list) {
        Path kept = takenTags.resolve(name(file) + ".tags.csv");
        try {
            byte[] bytes = Files.readAllBytes(etc.resolve("tags").resolve(list));
            String words = "tag list " + list + " SHA-256 " + digest(bytes) + ", "
                    + Changes.ofTags(
                            Files.exists(kept) ? tags(list, Files.readAllBytes(kept)) : Map.of(), tags(list, bytes));
            Files.createDirectories(takenTags);
            Path fresh = kept.resolveSibling(kept.getFileName() + ".tmp");
            Files.write(fresh, bytes);
            Files.move(fresh, kept, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return words;
        } catch (IOException | IllegalArgumentException e) {
            LOG.debug("{}: what changed in its tags cannot be told", file.getName(), e);
            return "tag list " + list + ", what changed in it cannot be told";
        }
    }

    private static Map<String, TagDefinition> tags(String list, byte[] bytes) throws IOException {
        Map<String, TagDefinition> tags = new HashMap<>();
        new TagListParser(list, MemoryBudget.ofThisProcess().mostTags())
                .parse(bytes)
                .forEach(tag -> tags.put(tag.id().name(), tag));
        return tags;
    }

    /** Connectors share one room of names and tags, whatever they speak; a pipeline has one write loop. */
    private Set<Claim> claims(File file, Map<String, Object> properties) {
        String pid = pid(file);
        String room = pid.startsWith(CONNECTORS) ? CONNECTORS : pid;
        Set<Claim> claims = new HashSet<>();
        for (String key : List.of("name", "target", "pipeline")) {
            if (properties.get(key) instanceof String text) {
                claims.add(new Claim(key, room, text));
            }
        }
        if (properties.get("tags") instanceof String list) {
            tagLists.read(list)
                    .forEach(tag -> claims.add(new Claim("tags", room, tag.id().name())));
        }
        return claims;
    }

    private void refuse(File file, String reason) {
        boolean runs = keepClaims(file);
        String known = refusals.put(file.getName(), reason);
        if (!reason.equals(known)) {
            LOG.error(
                    "{} is refused: {}; {}",
                    file.getName(),
                    reason,
                    runs ? "its last good configuration keeps running" : "its component does not run");
            append(file.getName(), "refused: " + reason + refusedDigest(file));
        }
    }

    /** What runs although its file is refused keeps what it claims, after a restart too. */
    private boolean keepClaims(File file) {
        Dictionary<String, Object> properties;
        try {
            Configuration inForce = inForce(file);
            if (inForce == null) {
                return false;
            }
            properties = inForce.getProperties();
        } catch (IOException | InvalidSyntaxException e) {
            return false;
        }
        if (!uniqueness.knows(file.getName())) {
            Map<String, Object> last = new HashMap<>();
            Collections.list(properties.keys()).forEach(key -> last.put(key, properties.get(key)));
            try {
                uniqueness.take(file.getName(), claims(file, last));
            } catch (IllegalArgumentException e) {
                LOG.debug("{}: its tags are not known", file.getName(), e); // its list is refused too
            }
        }
        return true;
    }

    private void record(String file, String what) {
        LOG.info("Configuration {} {}", file, what);
        append(file, what);
    }

    private static String refusedDigest(File file) {
        try {
            return Files.isRegularFile(file.toPath()) && Files.size(file.toPath()) <= LARGEST_BYTES
                    ? "; " + "SHA-256 " + digest(Files.readAllBytes(file.toPath()))
                    : "";
        } catch (IOException e) {
            return "";
        }
    }

    private void append(String file, String what) {
        trail.insist(AuditRecord.of(trail.nowNs(), AuditRecord.GATEWAY, "file system", "CONFIGURATION", file, what), 0);
    }

    /** Bounded before anything is parsed: a pipe would never end, a huge file would end the gateway. */
    static String text(File file) throws IOException {
        Path path = file.toPath();
        if (!Files.isRegularFile(path)) {
            throw new IllegalArgumentException("a plain file is needed, this is none");
        }
        if (Files.size(path) > LARGEST_BYTES) {
            throw new IllegalArgumentException("at most " + LARGEST_BYTES + " bytes, has " + Files.size(path)
                    + "; put tags into a tag list, and what is no configuration elsewhere");
        }
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(Files.readAllBytes(path)))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("it is not UTF-8; save it in that encoding", e);
        }
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }

    private Map<String, Object> check(File file, Map<String, Object> properties) {
        String pid = pid(file);
        Schema schema = Schema.find(metatypes, context, pid)
                .orElseThrow(() -> new IllegalArgumentException("no bundle here has a component '" + pid
                        + "'; correct the file's name, or install the bundle and touch the file"));
        boolean named = name(file).indexOf('~') > 0;
        if (schema.factory() != named) {
            throw new IllegalArgumentException(
                    named
                            ? "there is one of these only; call the file " + pid + CONFIGURATION
                            : "there may be several of these; call the file " + pid + "~NAME" + CONFIGURATION);
        }
        Map<String, Object> typed = schema.check(properties);
        for (ConfigurationCheck check : checks) {
            if (check.pid().equals(pid)) {
                check.check(Collections.unmodifiableMap(typed));
            }
        }
        return typed;
    }

    private @Nullable Configuration inForce(File file) throws IOException, InvalidSyntaxException {
        Configuration @Nullable [] all = admin.listConfigurations("(" + FILE + "=*)");
        for (Configuration configuration : all == null ? new Configuration[0] : all) {
            if (file.getName().equals(configuration.getProperties().get(FILE))) {
                return configuration;
            }
        }
        return null;
    }

    private Configuration configuration(File file) throws IOException {
        String name = name(file);
        int tilde = name.indexOf('~');
        return tilde > 0
                ? admin.getFactoryConfiguration(name.substring(0, tilde), name.substring(tilde + 1), "?")
                : admin.getConfiguration(name, "?");
    }

    private static String pid(File file) {
        String name = name(file);
        int tilde = name.indexOf('~');
        return tilde > 0 ? name.substring(0, tilde) : name;
    }

    private static String name(File file) {
        return file.getName().substring(0, file.getName().length() - CONFIGURATION.length());
    }

    private static String digest(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
