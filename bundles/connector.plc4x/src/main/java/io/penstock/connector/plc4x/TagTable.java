// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.data.TagId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** All tags of one connector, checked: items (lines) and their elements. Immutable. */
final class TagTable {
    private static final int FAULTS_SHOWN = 20;

    private final List<TagDefinition> definitions;
    private final List<Item> items = new ArrayList<>();
    private final List<TagId> elements = new ArrayList<>();
    private final List<Item> owners = new ArrayList<>();
    private final Map<TagId, Integer> index = new HashMap<>();

    /** @throws IllegalArgumentException naming tag, address, value and limit of the first twenty faults. */
    TagTable(List<TagDefinition> definitions, Settings settings) {
        this.definitions = List.copyOf(definitions);
        List<String> faults = new ArrayList<>();
        for (TagDefinition tag : definitions) {
            String fault = Item.fault(tag, settings);
            if (fault.isEmpty()) {
                fault = add(tag);
            }
            if (!fault.isEmpty()) {
                faults.add(tag.id() + " at " + tag.address() + ": " + fault);
            }
        }
        if (definitions.isEmpty()) {
            faults.add("the list is empty; a connector needs at least one tag");
        }
        if (!faults.isEmpty()) {
            String more = faults.size() > FAULTS_SHOWN ? "; and " + (faults.size() - FAULTS_SHOWN) + " more" : "";
            throw new IllegalArgumentException("tags: " + settings.tags() + ": "
                    + String.join("; ", faults.subList(0, Math.min(FAULTS_SHOWN, faults.size()))) + more);
        }
    }

    private String add(TagDefinition tag) {
        Item item = new Item(tag, ModbusAddress.parse(tag.address()), elements.size());
        for (int i = 0; i < tag.length(); i++) {
            TagId element;
            try {
                element = tag.element(i);
            } catch (IllegalArgumentException e) {
                return e.getMessage();
            }
            if (index.putIfAbsent(element, elements.size()) != null) {
                return "tag: the name " + element + " is used twice; rename one";
            }
            elements.add(element);
            owners.add(item);
        }
        items.add(item);
        return "";
    }

    List<TagDefinition> definitions() {
        return definitions;
    }

    List<Item> items() {
        return items;
    }

    /** Number of elements, scalars counting as one. */
    int size() {
        return elements.size();
    }

    TagId element(int element) {
        return elements.get(element);
    }

    Item owner(int element) {
        return owners.get(element);
    }

    /** Index of an element, -1 if this connector has no such tag. */
    int find(TagId tag) {
        return index.getOrDefault(tag, -1);
    }
}
