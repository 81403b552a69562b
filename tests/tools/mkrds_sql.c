/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkrds_sql.c: the schemas of RDS v3 as published, with their spelling ("PK_PGK__") and columns:
 * minimal as in the releases of 2025 and 2026, minimal as in 2024 and before (no crc32, ids that
 * may be NULL), full as in 2021.12.2. The text is data of the format, not ours to tidy.
 */
#include "mkrds.h"

#define VERSION_TABLE                                                   \
	"CREATE TABLE VERSION (\n"                                      \
	" version      VARCHAR UNIQUE NOT NULL,\n"                      \
	" build_set    VARCHAR NOT NULL,\n"                             \
	" build_date   TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,\n" \
	" release_date TIMESTAMP NOT NULL,\n"                           \
	" description  VARCHAR NOT NULL,\n"                             \
	" CONSTRAINT PK_VERSION__VERSION PRIMARY KEY (version)\n"       \
	");\n"

#define MINIMAL(crc32_column, crc32_key, crc32_view, id_null)                            \
	"CREATE TABLE FILE (\n"                                                          \
	" sha256     VARCHAR NOT NULL,\n"                                                \
	" sha1       VARCHAR NOT NULL,\n"                                                \
	" md5        VARCHAR NOT NULL,\n" crc32_column " file_name  VARCHAR NOT NULL,\n" \
	" file_size  INTEGER NOT NULL,\n"                                                \
	" package_id INTEGER NOT NULL,\n"                                                \
	" CONSTRAINT PK_FILE__FILE PRIMARY KEY (sha256, sha1, md5, " crc32_key           \
	"file_name, file_size, package_id)\n"                                            \
	");\n"                                                                           \
	"CREATE TABLE MFG (\n"                                                           \
	" manufacturer_id INTEGER NOT NULL,\n"                                           \
	" name            VARCHAR NOT NULL,\n"                                           \
	" CONSTRAINT PK_MFG__MFG_ID PRIMARY KEY (manufacturer_id)\n"                     \
	");\n"                                                                           \
	"CREATE TABLE OS (\n"                                                            \
	" operating_system_id INTEGER" id_null ",\n"                                     \
	" name                VARCHAR NOT NULL,\t\n"                                     \
	" version             VARCHAR NOT NULL,\n"                                       \
	" manufacturer_id     INTEGER NOT NULL,\n"                                       \
	" CONSTRAINT PK_OS__OS_ID PRIMARY KEY (operating_system_id, manufacturer_id)\n"  \
	");\n"                                                                           \
	"CREATE TABLE PKG (\n"                                                           \
	" package_id          INTEGER NOT NULL,\n"                                       \
	" name                VARCHAR NOT NULL,\n"                                       \
	" version             VARCHAR NOT NULL,\n"                                       \
	" operating_system_id INTEGER" id_null ",\n"                                     \
	" manufacturer_id     INTEGER" id_null ",\n"                                     \
	" language            VARCHAR NOT NULL,\n"                                       \
	" application_type    VARCHAR NOT NULL,\n"                                       \
	" CONSTRAINT PK_PGK__PKG_ID PRIMARY KEY (package_id, operating_system_id, "      \
	"manufacturer_id, language, application_type)\n"                                 \
	");\n" VERSION_TABLE "CREATE VIEW DISTINCT_HASH AS\n"                            \
	" SELECT DISTINCT\n"                                                             \
	"  sha256,\n"                                                                    \
	"  sha1,\n"                                                                      \
	"  md5" crc32_view "\n"                                                          \
	" FROM\n"                                                                        \
	"  FILE\n"                                                                       \
	";\n"

#define CRC32_COLUMN " crc32      VARCHAR NOT NULL,\n"
#define CRC32_KEY    "crc32, "
#define CRC32_VIEW   ",\n  crc32"

const char rds_sql_minimal[] = MINIMAL(CRC32_COLUMN, CRC32_KEY, CRC32_VIEW, " NOT NULL");
const char rds_sql_minimal_nullable[] = MINIMAL("", "", "", "");
const char rds_sql_minimal_plain[] = MINIMAL("", "", "", " NOT NULL");
const char rds_sql_minimal_nullable_crc32[] = MINIMAL(CRC32_COLUMN, CRC32_KEY, CRC32_VIEW, "");

#define DATES                                                            \
	" creation_date TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,\n" \
	" update_date TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,\n"

const char rds_sql_full_applications[] =
    "CREATE TABLE PACKAGE_OBJECT (\n"
    " package_object_id INTEGER UNIQUE NOT NULL,\n"
    " package_id INTEGER NOT NULL,\n"
    " object_id INTEGER UNIQUE NOT NULL,\n"
    " CONSTRAINT PK_PACKAGE_OBJECT__PACKAGE_OBJECT_ID PRIMARY KEY (package_object_id)\n"
    ");\n"
    "CREATE TABLE APPLICATION (\n"
    " application_id INTEGER UNIQUE NOT NULL,\n"
    " package_id INTEGER NOT NULL,\n"
    " name VARCHAR DEFAULT '' NOT NULL,\n"
    " name_b64 VARCHAR NOT NULL,\n"
    " name_coding VARCHAR NOT NULL,\n"
    " version VARCHAR DEFAULT '',\n"
    " poe VARCHAR DEFAULT 'purchased' NOT NULL,\n"
    " build VARCHAR DEFAULT '',\n"
    " latest_copyright VARCHAR DEFAULT '',\n"
    " other VARCHAR DEFAULT '',\n" DATES
    " CONSTRAINT PK_APPPLICATION__APPLICATION_ID PRIMARY KEY (application_id),\n"
    " CONSTRAINT FK_APPLICATION__PACKAGE_ID FOREIGN KEY (package_id)"
    " REFERENCES PACKAGE_OBJECT (package_id)\n"
    ");\n"
    "CREATE TABLE APPLICATION_TYPE (\n"
    " application_type_id INTEGER UNIQUE NOT NULL,\n"
    " description VARCHAR NOT NULL,\n" DATES
    " CONSTRAINT PK_APPLICATION_TYPE__APPLICATION_TYPE_ID PRIMARY KEY (application_type_id)\n"
    ");\n"
    "CREATE TABLE APPLICATION_APPLICATION_TYPE (\n"
    " application_application_type_id INTEGER UNIQUE NOT NULL,\n"
    " application_id INTEGER NOT NULL,\n"
    " application_type_id INTEGER NOT NULL,\n"
    " CONSTRAINT PK_APP_APP_TYPE__APPLICATION_APPLICATION_TYPE_ID"
    " PRIMARY KEY (application_application_type_id),\n"
    " CONSTRAINT FK_APPLICATION_APPLICATION_TYPE__APPLICATION_ID"
    " FOREIGN KEY (application_id) REFERENCES APPLICATION (application_id),\n"
    " CONSTRAINT FK_APPLICATION_APPLICATION_TYPE__APPLICATION_TYPE_ID"
    " FOREIGN KEY (application_type_id) REFERENCES APPLICATION_TYPE (application_type_id)\n"
    ");\n"
    "CREATE TABLE LANGUAGE (\n"
    " language_id INTEGER UNIQUE NOT NULL,\n"
    " name VARCHAR DEFAULT '' NOT NULL,\n" DATES " language_tag VARCHAR,\n"
    " CONSTRAINT PK_LANGUAGE_LANGUAGE_ID PRIMARY KEY (language_id)\n"
    ");\n"
    "CREATE TABLE APPLICATION_LANGUAGE (\n"
    " application_language_id INTEGER UNIQUE NOT NULL,\n"
    " language_id INTEGER NOT NULL,\n"
    " application_id INTEGER NOT NULL,\n"
    " CONSTRAINT PK_APPLICATION_LANGUAGE__APPLICATION_LANGUAGE_ID"
    " PRIMARY KEY (application_language_id),\n"
    " CONSTRAINT FK_APPLICATIONI_LANGUAGE__APPLICATION_ID"
    " FOREIGN KEY (application_id) REFERENCES APPLICATION (application_id),\n"
    " CONSTRAINT FK_APPLICATION_LANGUAGE__LANGUAGE_ID"
    " FOREIGN KEY (language_id) REFERENCES LANGUAGE (language_id)\n"
    ");\n"
    "CREATE TABLE OPERATING_SYSTEM (\n"
    " operating_system_id INTEGER UNIQUE NOT NULL,\n"
    " name VARCHAR DEFAULT '' NOT NULL,\n"
    " name_b64 VARCHAR,\n"
    " name_coding VARCHAR,\n"
    " version VARCHAR DEFAULT '' NOT NULL,\n"
    " architecture VARCHAR DEFAULT '' NOT NULL,\n" DATES
    " CONSTRAINT PK_OPERATING_SYSTEM__OPERATING_SYSTEM_ID PRIMARY KEY (operating_system_id)\n"
    ");\n"
    "CREATE TABLE OPERATING_SYSTEM_APPLICATION (\n"
    " operating_system_application_id INTEGER UNIQUE NOT NULL,\n"
    " operating_system_id INTEGER NOT NULL,\n"
    " application_id INTEGER NOT NULL,\n"
    " CONSTRAINT PK_OPERATING_SYSTEM_APP__OPERATING_SYSTEM_APP_ID"
    " PRIMARY KEY (operating_system_application_id),\n"
    " CONSTRAINT FK_OPERATING_SYSTEM_APPLICATION__OS_APPLICATION_ID"
    " FOREIGN KEY (operating_system_id) REFERENCES OPERATING_SYSTEM (operating_system_id),\n"
    " CONSTRAINT FK_PLATFORM_APPLICATION__APPLICATION_ID"
    " FOREIGN KEY (application_id) REFERENCES APPLICATION (application_id)\n"
    ");\n";

const char rds_sql_full_files[] =
    "CREATE TABLE MANUFACTURER (\n"
    " manufacturer_id INTEGER UNIQUE NOT NULL,\n"
    " name VARCHAR DEFAULT '' NOT NULL,\n"
    " name_b64 VARCHAR,\n"
    " name_coding VARCHAR,\n"
    " address1 VARCHAR DEFAULT '' NOT NULL,\n"
    " address1_b64 VARCHAR,\n"
    " address1_coding VARCHAR,\n"
    " address2 VARCHAR DEFAULT '' NOT NULL,\n"
    " address2_b64 VARCHAR,\n"
    " address2_coding VARCHAR,\n"
    " city VARCHAR DEFAULT '' NOT NULL,\n"
    " city_b64 VARCHAR,\n"
    " city_coding VARCHAR,\n"
    " stateprov VARCHAR DEFAULT '' NOT NULL,\n"
    " postal_code VARCHAR DEFAULT '' NOT NULL,\n"
    " country VARCHAR DEFAULT '' NOT NULL,\n"
    " telephone VARCHAR DEFAULT '' NOT NULL,\n"
    " fax VARCHAR DEFAULT '' NOT NULL,\n"
    " url VARCHAR DEFAULT '' NOT NULL,\n"
    " url_b64 VARCHAR,\n"
    " url_coding VARCHAR,\n"
    " email VARCHAR DEFAULT '' NOT NULL,\n" DATES
    " CONSTRAINT PK_MANUFACTURER_MANUFACTURER_ID PRIMARY KEY (manufacturer_id)\n"
    ");\n"
    "CREATE TABLE MANUFACTURER_APPLICATION (\n"
    " manufacturer_application_id INTEGER UNIQUE NOT NULL,\n"
    " manufacturer_id INTEGER NOT NULL,\n"
    " application_id INTEGER NOT NULL,\n"
    " CONSTRAINT PK_MANUFACTURER_APPLICATION__MANUFACTURER_APPLICATION_ID"
    " PRIMARY KEY (manufacturer_application_id),\n"
    " CONSTRAINT FK_MANUFACTURER_APPLICATION__APPLICATION_ID"
    " FOREIGN KEY (application_id) REFERENCES APPLICATION (application_id),\n"
    " CONSTRAINT FK_MANUFACTURER_APPLICATION__MANUFACTURER_ID"
    " FOREIGN KEY (manufacturer_id) REFERENCES MANUFACTURER (manufacturer_id)\n"
    ");\n"
    "CREATE TABLE MANUFACTURER_OPERATING_SYSTEM (\n"
    " manufacturer_operating_system_id INTEGER UNIQUE NOT NULL,\n"
    " operating_system_id INTEGER NOT NULL,\n"
    " manufacturer_id INTEGER NOT NULL,\n"
    " CONSTRAINT PK_MANUFACTURER_OPERATING_SYSTEM__MANUFACTURER_OS_ID"
    " PRIMARY KEY (manufacturer_operating_system_id),\n"
    " CONSTRAINT FK_MANUFACTURER_OPERATING_SYSTEM__MANUFACTURER_ID"
    " FOREIGN KEY (manufacturer_id) REFERENCES MANUFACTURER (manufacturer_id),\n"
    " CONSTRAINT FK_MANUFACTURER_OPERATING_SYSTEM__OPERATING_SYSTEM_ID"
    " FOREIGN KEY (operating_system_id) REFERENCES OPERATING_SYSTEM (operating_system_id)\n"
    ");\n"
    "CREATE TABLE METADATA (\n"
    " metadata_id NUMERIC UNIQUE NOT NULL,\n"
    " object_id INTEGER,\n"
    " key_hash VARCHAR NOT NULL,\n"
    " image_hash VARCHAR,\n"
    " path VARCHAR NOT NULL,\n"
    " path_b64 VARCHAR,\n"
    " path_coding VARCHAR,\n"
    " file_name VARCHAR NOT NULL,\n"
    " file_name_b64 VARCHAR,\n"
    " file_name_coding VARCHAR,\n"
    " extension VARCHAR DEFAULT '' NOT NULL,\n"
    " extension_b64 VARCHAR,\n"
    " extension_coding VARCHAR,\n"
    " bytes INTEGER NOT NULL,\n"
    " mtime TIMESTAMP,\n"
    " used_in_rds TIMESTAMP,\n"
    " update_date TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,\n"
    " recursion_level INTEGER,\n"
    " extractee_id INTEGER DEFAULT 0,\n"
    " crc32 VARCHAR NOT NULL,\n"
    " md5 VARCHAR NOT NULL,\n"
    " sha1 VARCHAR NOT NULL,\n"
    " sha256 VARCHAR NOT NULL,\n"
    " CONSTRAINT PK_METADATA__METADATA_ID PRIMARY KEY (metadata_id),\n"
    " CONSTRAINT FK_METADATA__EXTRACTEE_ID FOREIGN KEY (extractee_id)"
    " REFERENCES METADATA (metadata_id),\n"
    " CONSTRAINT FK_METADATA__OBJECT_ID FOREIGN KEY (object_id)"
    " REFERENCES PACKAGE_OBJECT (object_id)\n"
    ");\n" VERSION_TABLE;

const char rds_sql_full_views[] =
    "CREATE VIEW MFG AS\n"
    " SELECT manufacturer_id, name FROM MANUFACTURER;\n"
    "CREATE VIEW OS AS\n"
    " SELECT os.operating_system_id, os.name, os.version, mos.manufacturer_id\n"
    " FROM OPERATING_SYSTEM AS os, MANUFACTURER_OPERATING_SYSTEM AS mos\n"
    " WHERE os.operating_system_id = mos.operating_system_id;\n"
    "CREATE VIEW PKG AS\n"
    " SELECT a.package_id, a.name, a.version, osa.operating_system_id, ma.manufacturer_id,\n"
    "  l.name AS language, at.description AS application_type\n"
    " FROM APPLICATION AS a, OPERATING_SYSTEM_APPLICATION AS osa,\n"
    "  MANUFACTURER_APPLICATION AS ma, APPLICATION_LANGUAGE AS al, LANGUAGE AS l,\n"
    "  APPLICATION_APPLICATION_TYPE AS aat, APPLICATION_TYPE AS at\n"
    " WHERE a.application_id = osa.application_id AND a.application_id = ma.application_id\n"
    "  AND a.application_id = al.application_id AND al.language_id = l.language_id\n"
    "  AND a.application_id = aat.application_id\n"
    "  AND aat.application_type_id = at.application_type_id;\n";

#define FILE_VIEW(crc32)                                                                \
	"CREATE VIEW FILE AS\n"                                                         \
	" SELECT UPPER(md.sha256) AS sha256, UPPER(md.sha1) AS sha1, UPPER(md.md5) AS " \
	"md5,\n" crc32 "  CASE md.extension WHEN '' THEN md.file_name"                  \
	" ELSE md.file_name||'.'||md.extension END AS file_name,\n"                     \
	"  md.bytes AS file_size, po.package_id\n"                                      \
	" FROM METADATA AS md, PACKAGE_OBJECT AS po\n"                                  \
	" WHERE md.object_id = po.object_id;\n"

const char rds_sql_file_view[] = FILE_VIEW("");
const char rds_sql_file_view_crc32[] = FILE_VIEW("  UPPER(md.crc32) AS crc32,\n");
