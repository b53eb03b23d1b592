package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"restmark/service"
)

const (
	selectOne  = "SELECT id, name, description, type, count, created_at FROM record WHERE id = $1"
	selectMany = "SELECT id, name, description, type, count, created_at FROM record WHERE id = ANY($1)"
	selectJoin = "SELECT r.id, r.name, r.description, r.type, r.count, r.created_at, o.name FROM record r JOIN owner o ON o.id = r.owner_id" +
		" WHERE r.category = $1 ORDER BY r.created_at DESC, r.id DESC LIMIT $2"
	selectLocked = "SELECT id, name, description, type, count, created_at FROM record WHERE id = $1 FOR UPDATE"
	updateCount  = "UPDATE record SET count = $2 WHERE id = $1"
)

// database asks by pgx, which prepares each statement once on a connection and takes rows in PostgreSQL's binary format.
type database struct{ pool *pgxpool.Pool }

// openDatabase opens all connections. Where the database is away, this is told, and they are opened once it is back.
func openDatabase(ctx context.Context, url string, connections int) (*database, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(connections)
	config.MinConns = int32(connections)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	// The pool opens its connections in the background; with each one taken once they are there before the first request.
	for range connections {
		connection, err := pool.Acquire(ctx)
		if err != nil {
			log.Printf("the database is away: %v", err)
			break
		}
		defer connection.Release()
	}
	return &database{pool}, nil
}

func (d *database) one(ctx context.Context, id int64) (service.Record, error) {
	return oneRow(ctx, d.pool, selectOne, id)
}

func (d *database) many(ctx context.Context, ids []int64) ([]service.Record, error) {
	rows, err := d.pool.Query(ctx, selectMany, ids)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, recordOf)
	if err != nil {
		return nil, err
	}
	return arranged(ids, found)
}

func (d *database) search(ctx context.Context, category string, limit int) ([]owned, error) {
	rows, err := d.pool.Query(ctx, selectJoin, category, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r owned, err error) {
		err = row.Scan(&r.ID, &r.Name, &r.Description, &r.Type, &r.Count, &r.CreatedAt, &r.Owner)
		return r, err
	})
}

func (d *database) update(ctx context.Context, id int64) (record service.Record, err error) {
	err = pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		record, err = oneRow(ctx, tx, selectLocked, id)
		if err != nil {
			return err
		}
		record.Count = (record.Count + 1) % countModulus
		_, err = tx.Exec(ctx, updateCount, id, record.Count)
		return err
	})
	return record, err
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func oneRow(ctx context.Context, on querier, sql string, id int64) (service.Record, error) {
	rows, err := on.Query(ctx, sql, id)
	if err != nil {
		return service.Record{}, err
	}
	record, err := pgx.CollectExactlyOneRow(rows, recordOf)
	if errors.Is(err, pgx.ErrNoRows) {
		return record, fmt.Errorf("%w: %d", errNoRow, id)
	}
	return record, err
}

func recordOf(row pgx.CollectableRow) (r service.Record, err error) {
	err = row.Scan(&r.ID, &r.Name, &r.Description, &r.Type, &r.Count, &r.CreatedAt)
	return r, err
}

// isBrokenOff tells whether a store closed a connection in the middle of something.
func isBrokenOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgx.ErrTxCommitRollback)
}
