-- serves: 0.1.0
-- Bearings by the multipliers of the maker's sheet, more kinds of component, and what their pulse trains follow from.

ALTER TABLE component
    ADD COLUMN multipliers jsonb,                      -- bpfo, bpfi, bsf, ftf as multiples of shaft speed, and their source
    ADD COLUMN vanes integer,                          -- of a pump, an impeller, a compressor or a turbine
    ADD COLUMN blades integer,                         -- of a fan, a blower or a turbine
    ADD COLUMN belt jsonb;                             -- length and diameters of both pulleys [m]

ALTER TABLE component DROP CONSTRAINT component_kind_check;
ALTER TABLE component
    ADD CONSTRAINT component_kind_check CHECK (kind IN (
        'bearing', 'motor', 'gear', 'shaft', 'gearbox', 'pump', 'fan', 'blower', 'compressor', 'turbine', 'generator',
        'impeller', 'coupling', 'belt', 'pulley', 'roller', 'spindle', 'seal'));
